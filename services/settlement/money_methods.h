// Commands and questions about money: rows for the service's table of methods.
#pragma once
#include "common/daemon/service.h"

typedef int money_method_t(void *self, const request_t *request, const ProtobufCMessage *message,
                           ProtobufCMessage **reply, err_t *err);
money_method_t move_money, reserve_money, post_money, void_money, get_reservation, reverse_entry, settle_between, allot,
    get_movements;

#define MONEY_METHODS(readers, clerks)                                                                                 \
    {"move_money", (clerks) | METHOD_DISTRICTS, false, &tc__move_money__descriptor, move_money},                       \
        {"reserve_money", (clerks) | METHOD_DISTRICTS, false, &tc__reserve_money__descriptor, reserve_money},          \
        {"post_money", (clerks) | METHOD_DISTRICTS, false, &tc__get_reservation__descriptor, post_money},              \
        {"void_money", (clerks) | METHOD_DISTRICTS, false, &tc__get_reservation__descriptor, void_money},              \
        {"get_reservation", (readers) | METHOD_DISTRICTS, true, &tc__get_reservation__descriptor, get_reservation},    \
        {"reverse_entry", (clerks) | METHOD_DISTRICTS, false, &tc__reverse_entry__descriptor, reverse_entry},          \
        {"settle_between", clerks, false, &tc__settle_between__descriptor, settle_between},                            \
        {"allot", clerks, false, &tc__allot__descriptor, allot},                                                       \
        {"get_movements", (readers) | METHOD_DISTRICTS, true, &tc__get_movements__descriptor, get_movements},
