#include "account_parts.h"
#include "common/base/check.h"

fen_t account_parts_pay(fen_t own, const fen_t *balances, size_t count, fen_t *parts) {
    fen_t open = own;
    CHECK(own >= 0);
    for (size_t i = 0; i < count; i++) {
        CHECK(balances[i] >= 0);
        parts[i] = fen_min(open, balances[i]);
        open -= parts[i];
    }
    return own - open;
}

fen_t account_parts_cut(fen_t own, fen_t *parts, size_t count, fen_t *back) {
    fen_t open = fen_max(own, 0), kept = 0;
    for (size_t i = 0; i < count; i++) {
        const fen_t stays = fen_min(parts[i], open);
        back[i] = parts[i] - stays;
        parts[i] = stays;
        open -= stays;
        kept += stays;
    }
    return kept;
}
