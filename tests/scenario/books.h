// Settlement's store as a scenario sees it: told in full but for what the clock and the order of arrival decide, kept
// aside while the suite is halted, and given back. SQLite and PostgreSQL.
#pragma once

typedef struct books {
    char url[300], dir[256]; // of the store; of its files, "" on PostgreSQL
} books_t;

// Of the suite in `dir`, or of the store at `url`.
void books_of(books_t *books, const char *dir, const char *url);
// Every row that says what was booked, planned, frozen and paid, a line each, sorted. Own numbers, times and what
// follows from them (chains, digests, seals' heads) are left out. malloc'ed; NULL with a word on standard error.
char *books_told(const books_t *books);
// While settlement does not run. 0, or −1 with a word on standard error.
int books_keep(const books_t *books);      // as it is, aside
int books_give_back(const books_t *books); // as it was kept
int books_forget(const books_t *books);    // as before the first event
