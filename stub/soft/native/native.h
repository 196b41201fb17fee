/*
 * Blocks that run often become code of the host. A block's first op counts how often it ran; then every
 * op that has a template is translated into the host's instructions, and its `run` leads there. Native
 * code is called as ops are and writes the guest's state where they do, at once. Whatever it cannot do
 * itself, the op's own function does all of, which goes on with the op behind it as ever. The only things
 * left out are status flags that nobody can see, and loads of registers that a register of the host holds
 * already: RBX and R12 to R15 too, which whoever runs ops saves (dispatch.c).
 */
#ifndef SX_SOFT_NATIVE_H
#define SX_SOFT_NATIVE_H

#include "soft/cpu.h"

/* How often a block runs before it becomes native. */
#define NATIVE_AFTER 128

struct native;

/* The address space of ops: native code lies within reach behind it. NULL: no memory. */
void *native_reserve(size_t bytes);
/* NULL where the host gives nobody executable memory: every block stays as it is. */
struct native *native_create(void *reserved, size_t bytes);
void native_destroy(struct native *native);
void native_release(void *reserved, size_t bytes);

/* Makes a block of `count` ops native. False: no room. */
bool native_compile(struct native *native, struct op *ops, uint32_t count);
/* Forgets all of it: no block of before may run any more. */
void native_forget_all(struct native *native);
/* Bytes of code. */
uint64_t native_bytes(const struct native *native);

#endif
