#include "guest.h"

/* The text behind "NAME=", or NULL. */
static const char *find(const char *name) {
  const char *at = platform.command;
  while (*at) {
    const char *want = name;
    while (*want && *at == *want) at++, want++;
    if (!*want && *at == '=') return at + 1;
    while (*at && *at != ' ') at++;
    while (*at == ' ') at++;
  }
  return NULL;
}

u64 option_number(const char *name, u64 otherwise) {
  const char *at = find(name);
  if (!at || *at < '0' || *at > '9') return otherwise;
  u64 value = 0;
  while (*at >= '0' && *at <= '9') value = value * 10 + (u64)(*at++ - '0');
  return value;
}

bool option_has(const char *name, const char *word) {
  const char *at = find(name);
  while (at && *at && *at != ' ') {
    const char *want = word;
    while (*want && *at == *want) at++, want++;
    if (!*want && (!*at || *at == ' ' || *at == ',')) return true;
    while (*at && *at != ' ' && *at != ',') at++;
    if (*at == ',') at++;
  }
  return false;
}
