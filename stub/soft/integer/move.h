/* Handlers of moves and of what else needs no arithmetic. */
#ifndef SX_SOFT_MOVE_H
#define SX_SOFT_MOVE_H

#include "soft/cpu.h"

/* By size (log2 of bytes) and operands. */
enum { MOVE_RR, MOVE_RI, MOVE_RM, MOVE_MR, MOVE_MI, MOVE_XCHG_RR, MOVE_XCHG_MR, MOVE_FORMS };
extern handler *const move_handlers[4][MOVE_FORMS];
/* By size of the destination (2, 4, 8 bytes), kind, and whether the source is memory. */
enum { EXTEND_ZERO_8, EXTEND_ZERO_16, EXTEND_SIGN_8, EXTEND_SIGN_16, EXTEND_SIGN_32, EXTENSIONS };
extern handler *const extend_handlers[3][EXTENSIONS][2];
/* By condition without its lowest bit, which is op->code. */
enum { CMOV_16, CMOV_32, CMOV_64, SET_R, SET_M, CONDITIONAL_FORMS };
extern handler *const conditional_handlers[8][CONDITIONAL_FORMS];

handler lea16, lea32, lea64, load_ea8, load_ea16, load_ea32, load_ea64;
handler push64_r, push64_i, pop64_r, push_r, push_i, pop_r, pop_m, leave64, leave, enter, push_all, pop_all;
handler cbw, cwd, bswap32, bswap64, movbe_load, movbe_store, xlat_place, lahf, sahf, change_carry, change_direction;
handler nop, pause_loop, fence;

#endif
