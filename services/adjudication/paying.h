// Payments from personal accounts, as a turn asks for them (payments.h): who may pay by the city's rules and by what
// the owners share, how much each balance gives, and what goes back when a bill costs the person less or is reversed.
#pragma once
#include "account_book.h"
#include "adjudication.h"

enum { PAYING_RELATIVES_MAX = 8 };

typedef struct paying {
    const adjudication_t *on; // borrowed: its policy, clock, store and arena
    account_book_t book;
    payments_t port;
} paying_t;

paying_t *paying_new(const adjudication_t *on); // NULL when memory is out
void paying_destroy(paying_t **paying);
// What can be seen of a bill alone; errors name pay_from_account or account_of.
int paying_check(const Tc__Bill *bill, err_t *err) MUST_USE;
