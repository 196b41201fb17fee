#include "guest.h"

static char line[512];
static u32 used;

void print_flush(void) {
  if (platform.splitx) {
    if (used) call(SX_CALL_CONSOLE_WRITE, (u64)line, used, 0);
  } else {
    for (u32 i = 0; i < used; i++) out8(SX_PORT_COM1, (u8)line[i]);
  }
  used = 0;
}

static void put(char c) {
  line[used++] = c;
  if (c == '\n' || used == sizeof line) print_flush();
}

void print(const char *text) {
  while (*text) put(*text++);
}

void print_number(u64 value) {
  char digits[21];
  char *at = digits + 20;
  *at = 0;
  do *--at = (char)('0' + value % 10);
  while (value /= 10);
  print(at);
}

void print_hex(u64 value, int digits) {
  while (digits-- > 0) put("0123456789abcdef"[value >> (4 * digits) & 15]);
}
