/* See sse_handlers.h. As in memory_calls.c, registers are kept but for RAX and the XMM ones. */
#include "soft/sse/sse_handlers.h"

#define FUNCTION(name, body)                                                                  \
  __asm__(".text\n"                                                                           \
          ".globl " name "\n.hidden " name "\n.type " name ", @function\n"                    \
          name ":\n"                                                                          \
          "push %rbp\n mov %rsp, %rbp\n"                                                      \
          "push %rdi\n push %rsi\n push %rdx\n push %rcx\n"                                   \
          "push %r8\n push %r9\n push %r10\n push %r11\n"                                     \
          "sub $16, %rsp\n and $-16, %rsp\n" body                                             \
          "lea -64(%rbp), %rsp\n"                                                             \
          "pop %r11\n pop %r10\n pop %r9\n pop %r8\n"                                         \
          "pop %rcx\n pop %rdx\n pop %rsi\n pop %rdi\n"                                       \
          "pop %rbp\n ret\n"                                                                  \
          ".size " name ", .-" name "\n");

FUNCTION("soft_call_load128", "mov %rsp, %rcx\n call memory_load128\n movaps (%rsp), %xmm0\n")
FUNCTION("soft_call_store128", "call memory_store128\n")
