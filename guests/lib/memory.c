/* What the compiler itself calls. */
#include "guest.h"

void *(memcpy)(void *to, const void *from, size_t size) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return start;
}

void *(memset)(void *to, int value, size_t size) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return start;
}
