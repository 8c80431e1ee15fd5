// The city of tests/city_rig.h with settlement behind collection, whose ledger must agree with it whenever it is asked
// and when the city is closed.
#pragma once
#include "services/settlement/settlement.h"
#include "tests/city_rig.h"

static inline void open_city(city_t *city) {
    err_t err = {0};
    settlement_t *settlement = NULL;
    open_people(city, NULL);
    rig_open(&city->settlement, &settlement_service);
    NEED(settlement_new(&settlement, &city->settlement.ctx, &err) == E_OK);
    city->settlement.self = settlement;
    city->books = (consumer_effect_t){&settlement->collection, poster_apply, poster_committed, poster_rolled_back};
}

#define BALANCE(city, where)                                                                                           \
    number_of(&(city)->settlement, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance WHERE " where)

// What always holds between the books of collection and the ledger.
static inline void check_books(city_t *city) {
    rig_pump(&city->collection, &city->settlement, &city->books);
    EQ(BALANCE(city, "1 = 1"), 0);
    EQ(-BALANCE(city, "account = 'held/parked'"), SUM(city, "amount_fen", "parked_receipt WHERE decision = ''"));
    EQ(-BALANCE(city, "account = 'held/credit'"), SUM(city, "amount_fen", "credit"));
    EQ(SUM(city, "amount_fen", "credit"), SUM(city, "amount_fen", "credit_move"));
    EQ(-BALANCE(city, "account LIKE 'contribution/%'"), SUM(city, "total_fen", "bill WHERE paid_on <> ''"));
    EQ(COUNT(city, "credit WHERE amount_fen < 0"), 0);
}

static inline void close_city(city_t *city) {
    settlement_t *settlement = city->settlement.self;
    check_books(city);
    settlement_destroy(&settlement);
    rig_close(&city->settlement);
    close_people(city);
}
