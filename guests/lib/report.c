#include "guest.h"

void print_ticks(const char *name, u64 n, u64 spent) {
  print("@ticks ");
  print(name);
  print(" ");
  print_number(n);
  print(" ");
  print_number(spent);
  print("\n");
}

void print_count(const char *name, u64 value) {
  print("@count ");
  print(name);
  print(" ");
  print_number(value);
  print("\n");
}

void print_digest(const u8 digest[32]) {
  print("sha256 ");
  for (int i = 0; i < 32; i++) print_hex(digest[i], 2);
  print("\n");
}
