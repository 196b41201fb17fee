/* See memory.h. The stack of an op is aligned by nobody; these align it for what they call. */
#include "soft/memory/memory.h"

#define CALL(name, function)                                                             \
  __asm__(".text\n"                                                                      \
          ".globl " name "\n.hidden " name "\n.type " name ", @function\n"               \
          name ":\n"                                                                     \
          "push %rbp\n mov %rsp, %rbp\n"                                                 \
          "push %rdi\n push %rsi\n push %rdx\n push %rcx\n"                              \
          "push %r8\n push %r9\n push %r10\n push %r11\n"                                \
          "and $-16, %rsp\n"                                                             \
          "call " function "\n"                                                          \
          "lea -64(%rbp), %rsp\n"                                                        \
          "pop %r11\n pop %r10\n pop %r9\n pop %r8\n"                                    \
          "pop %rcx\n pop %rdx\n pop %rsi\n pop %rdi\n"                                  \
          "pop %rbp\n ret\n"                                                            \
          ".size " name ", .-" name "\n");

CALL("soft_call_load", "memory_load")
CALL("soft_call_update", "memory_update")
CALL("soft_call_store", "memory_store")
CALL("soft_call_commit", "memory_commit")
