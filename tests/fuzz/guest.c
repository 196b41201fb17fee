#include "guest.h"

#include <string.h>

#define HIGH 0x100000000ull
#define APIC 0xfee00000ull
#define P 1ull
#define W 2ull
#define U 4ull
#define PS 0x80ull
#define G 0x100ull
#define NX (1ull << 63)

uint8_t take8(struct input *input) {
  if (!input->left) return 0;
  input->left--;
  return *input->at++;
}

uint64_t take64(struct input *input) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value |= (uint64_t)take8(input) << 8 * i;
  return value;
}

static const uint64_t values[] = {
    0, 1, 2, 7, 8, 15, 16, 31, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfff8, 0xffff, 0x7fffffff,
    0x80000000, 0xffffffff, 0xfffffff8, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, ~7ull, ~15ull,
    0x7ffffffffff8, 0x7fffffffffff, 0x800000000000, 0xffff800000000000,
    /* In memory, at its edges and beyond them. */
    CODE, CODE + 0xff8, CODE + 0x1000, STACK, STACK - 4, IDT, IDT + 14 * 16, GDT, GDT + 0x60, TSS, PML4,
    PML4 + 0xff8, PDPT, DIRECTORY, DIRECTORY + 8, TABLE, TABLE + 0x80, TABLE + 0x800, TABLE + 0xff8,
    TOP_DIRECTORY, NARROW_DIRECTORY, NARROW_TABLE, PAE_PDPT, LOW_BYTES - 1, LOW_BYTES - 8, LOW_BYTES - 16,
    LOW_BYTES - 64, LOW_BYTES, LOW_BYTES + 4096, HIGH, HIGH + HIGH_BYTES - 4, HIGH + HIGH_BYTES, APIC,
    APIC + 0x300, APIC + 0xffc,
    /* Pages with rights of their own: see fill_table(). */
    0x100000, 0x100ffc, 0x101000, 0x101ffe, 0x102000, 0x103000, 0x104000, 0x104ffc, 0x105300, 0x106000,
    0x106ff9, 0x107000, 0x107ffc, 0x108ff8, 0x109ffd, 0x10a000, 0x10b000, 0x10c000, 0x200000 + CODE,
    0x3ffff8, 0x600000, 0x600000 + HIGH_BYTES - 2, 0xffffffffffffeff8, 0xfffffffffffff000,
    0xffffffff80000000, 0xfffffffffee00000,
};

uint64_t take_value(struct input *input) {
  uint8_t which = take8(input);
  const size_t count = sizeof values / sizeof *values;
  if (which < count) return values[which];
  if (which < 200) return values[which % count] + (int8_t)take8(input);
  return take64(input);
}

static void put64(uint8_t *low, uint32_t at, uint64_t value) {
  memcpy(low + at, &value, 8);
}

static void put32(uint8_t *low, uint32_t at, uint32_t value) {
  memcpy(low + at, &value, 4);
}

static uint64_t special_page(uint32_t page) {
  switch (page) {
    case 0x100: return 0;
    case 0x101: return 0x101000 | P | U;
    case 0x102: return 0x102000 | P | W;
    case 0x103: return 0x103000 | P | W | U | NX;
    case 0x104: return (LOW_BYTES + 0x200000) | P | W | U;
    case 0x105: return APIC | P | W | U;
    case 0x106: return CODE | P | W | U;
    case 0x107: return HIGH | P | W | U;
    case 0x108: return (LOW_BYTES - 0x1000) | P | W | U;
    case 0x109: return (HIGH + HIGH_BYTES - 0x1000) | P | W | U;
    case 0x10a: return TABLE | P | W | U;
    case 0x10b: return CODE | P | W | U | G;
    case 0x10c: return (uint64_t)page << 12 | P | W | U | 1ull << 45;
    default: return (uint64_t)page << 12 | P | W | U;
  }
}

static void page_tables(uint8_t *low) {
  put64(low, PML4, PDPT | P | W | U);
  put64(low, PML4 + 8 * 510, PML4 | P | W | U);
  put64(low, PML4 + 8 * 511, PDPT | P | W | U);
  put64(low, PDPT, DIRECTORY | P | W | U);
  put64(low, PDPT + 8 * 1, PS | P | W | U | G);
  put64(low, PDPT + 8 * 3, TOP_DIRECTORY | P | W | U);
  put64(low, PDPT + 8 * 511, TOP_DIRECTORY | P | W | U);
  put64(low, DIRECTORY, TABLE | P | W | U);
  put64(low, DIRECTORY + 8 * 1, PS | P | W | U);
  put64(low, DIRECTORY + 8 * 2, LOW_BYTES | PS | P | W | U);
  put64(low, DIRECTORY + 8 * 3, HIGH | PS | P | W | U);
  put64(low, TOP_DIRECTORY + 8 * 511, TABLE | P | W | U);
  put64(low, TOP_DIRECTORY + 8 * 0x1f7, (APIC & ~0x1fffffull) | PS | P | W | U);
  put32(low, NARROW_DIRECTORY, NARROW_TABLE | (uint32_t)(P | W | U));
  put32(low, NARROW_DIRECTORY + 4, (uint32_t)(PS | P | W | U));
  put32(low, NARROW_DIRECTORY + 8, NARROW_DIRECTORY | (uint32_t)(P | W | U));
  put32(low, NARROW_DIRECTORY + 4 * 1023, NARROW_TABLE | (uint32_t)(P | W | U));
  put32(low, NARROW_DIRECTORY + 4 * 0x3fb, (uint32_t)((APIC & ~0x3fffffull) | PS | P | W | U));
  for (uint32_t i = 0; i < 512; i++) {
    put64(low, TABLE + 8 * i, special_page(i));
    put32(low, NARROW_TABLE + 4 * i, (uint32_t)special_page(i));
  }
  put64(low, PAE_PDPT, DIRECTORY | P);
  put64(low, PAE_PDPT + 8, DIRECTORY | P);
  put64(low, PAE_PDPT + 24, TOP_DIRECTORY | P);
}

static void descriptors(uint8_t *low) {
  put64(low, GDT + CODE64, 0x00af9b000000ffff);
  put64(low, GDT + DATA, 0x00cf93000000ffff);
  put64(low, GDT + CODE32, 0x00cf9b000000ffff);
  put64(low, GDT + CODE16, 0x00009b000000ffff);
  put64(low, GDT + DATA16, 0x000093000000ffff);
  put64(low, GDT + USER_DATA, 0x00cff3000000ffff);
  put64(low, GDT + USER_CODE64, 0x00affb000000ffff);
  put64(low, GDT + USER_CODE32, 0x00cffb000000ffff);
  put64(low, GDT + CONFORMING, 0x00cf9f000000ffff);
  put64(low, GDT + SMALL_DATA, 0x0040930100000fff); /* base 0x10000 */
  put64(low, GDT + EXPAND_DOWN, 0x0040970000001000);
  put64(low, GDT + TASK, (uint64_t)TSS_LIMIT | (uint64_t)TSS << 16 | 0x89ull << 40);
  put64(low, GDT + LOCAL_TABLE, 0xff | (uint64_t)GDT << 16 | 0x82ull << 40);
  put64(low, GDT + CALL_GATE, (uint64_t)(CODE & 0xffff) | (uint64_t)CODE64 << 16 | 0xecull << 40 | (uint64_t)(CODE >> 16) << 48);
  put64(low, GDT + EXECUTE_ONLY, 0x00cf99000000ffff);
  put64(low, GDT + ABSENT, 0x00cf13000000ffff);
}

static void handlers(uint8_t *low, unsigned code_size, int long_mode) {
  const uint32_t with_error = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17;
  for (uint32_t vector = 0; vector < 256; vector++) {
    uint8_t *at = low + HANDLERS + 16 * vector;
    uint32_t target = HANDLERS + 16 * vector;
    /* Back behind the byte that faulted. */
    static const uint8_t skip_error64[] = {0x48, 0x83, 0xc4, 8}, next64[] = {0x48, 0xff, 0x04, 0x24, 0x48, 0xcf};
    static const uint8_t skip_error32[] = {0x83, 0xc4, 4}, next32[] = {0xff, 0x04, 0x24, 0xcf};
    int error = vector < 32 && with_error >> vector & 1;
    if (long_mode) {
      if (error) memcpy(at, skip_error64, sizeof skip_error64), at += sizeof skip_error64;
      memcpy(at, next64, sizeof next64);
      put64(low, IDT + 16 * vector, (target & 0xffff) | (uint64_t)CODE64 << 16 | 0xeeull << 40 | (uint64_t)(vector == 8) << 32);
    } else {
      if (error) memcpy(at, skip_error32, sizeof skip_error32), at += sizeof skip_error32;
      if (code_size == 2) *at = 0xcf;
      else memcpy(at, next32, sizeof next32);
      put64(low, IDT + 8 * vector, (target & 0xffff) | (uint64_t)CODE32 << 16 | 0xeeull << 40);
    }
    if (code_size == 2) put32(low, 4 * vector, HANDLERS + 16 * vector);
  }
}

static void task(uint8_t *low, int long_mode) {
  if (long_mode) {
    for (uint32_t at = 4; at < 0x60; at += 8) put64(low, TSS + at, STACK + 0x800);
  } else {
    put32(low, TSS + 4, STACK + 0x800);
    put32(low, TSS + 8, DATA);
  }
  put32(low, TSS + 0x64, 0x68u << 16);
}

void guest_tables(uint8_t *low, unsigned code_size, int long_mode) {
  page_tables(low);
  descriptors(low);
  handlers(low, code_size, long_mode);
  task(low, long_mode);
}

/* The code as far as it is written. */
struct code {
  uint8_t *at, *end;
  unsigned size;
};

static void byte(struct code *code, uint8_t value) {
  if (code->at < code->end) *code->at++ = value;
}

static void bytes(struct code *code, const char *text, size_t count) {
  for (size_t i = 0; i < count; i++) byte(code, (uint8_t)text[i]);
}

static void number(struct code *code, uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; i++) byte(code, (uint8_t)(value >> 8 * i));
}

/* mov reg, value */
static void set(struct code *code, unsigned reg, uint64_t value) {
  if (code->size == 8) byte(code, 0x48 | (reg >= 8));
  if (code->size == 2) byte(code, 0x66);
  byte(code, 0xb8 | (reg & 7));
  number(code, value, code->size == 8 ? 8 : 4);
}

/* A prefix with which 16-bit code has addresses of 32 bits. */
static void address_prefix(struct code *code) {
  if (code->size == 2) byte(code, 0x67);
}

static void push_value(struct code *code, uint64_t value) {
  set(code, 0, value);
  byte(code, 0x50);
}

static const uint32_t msrs[] = {
    0x10, 0x1b, 0x3a, 0x3b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x1a0, 0x200, 0x201, 0x20f, 0x250, 0x258,
    0x268, 0x26f, 0x277, 0x2ff, 0x6e0, 0x802, 0x808, 0x80b, 0x80d, 0x80f, 0x810, 0x828, 0x82f, 0x830, 0x832,
    0x837, 0x838, 0x839, 0x83e, 0x83f, 0x8ff, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
    0xc0000101, 0xc0000102, 0xc0000103, 0x4b564d00, 0x40000000};

static const uint16_t selectors[] = {0, 3, CODE64, DATA, CODE32, CODE16, DATA16, USER_DATA | 3, USER_CODE64 | 3,
    USER_CODE32 | 3, CONFORMING, SMALL_DATA, EXPAND_DOWN, TASK, LOCAL_TABLE, CALL_GATE, EXECUTE_ONLY, ABSENT,
    0xf8, 0x100, 0xffff, 4 | CODE32, 4 | DATA};

static uint16_t take_selector(struct input *input) {
  return selectors[take8(input) % (sizeof selectors / sizeof *selectors)];
}

/* Instructions by themselves, or with [rdi]. */
#define TEXT(bytes) {sizeof bytes - 1, bytes}
static const struct { uint8_t count; char text[8]; } singles[] = {
    TEXT("\xf4"), TEXT("\xfb\xf4"), TEXT("\xfa"), TEXT("\xfb"), TEXT("\xf3\x90"), TEXT("\x0f\x01\x3f"),
    TEXT("\x0f\x01\x17"), TEXT("\x0f\x01\x1f"), TEXT("\x0f\x01\x07"), TEXT("\x0f\x01\x0f"), TEXT("\x0f\x09"),
    TEXT("\x0f\x0b"), TEXT("\x0f\x05"), TEXT("\x0f\x07"), TEXT("\x48\x0f\x07"), TEXT("\x0f\x34"), TEXT("\x0f\x35"),
    TEXT("\x0f\x01\xf8"), TEXT("\x0f\xa2"), TEXT("\x0f\xae\x07"), TEXT("\x0f\xae\x0f"), TEXT("\x0f\xae\x27"),
    TEXT("\x0f\xae\x2f"), TEXT("\x0f\xc7\x27"), TEXT("\x0f\xc7\x1f"), TEXT("\x0f\x01\xd1"), TEXT("\x0f\x01\xd0"),
    TEXT("\x48\x0f\xc7\x0f"), TEXT("\x0f\xc7\x0f"), TEXT("\x9c"), TEXT("\x9d"), TEXT("\xcf"), TEXT("\x48\xcf"),
    TEXT("\xcb"), TEXT("\x0f\x06"), TEXT("\x0f\x00\xd8"), TEXT("\x0f\x00\xd0"), TEXT("\xec"), TEXT("\xef"),
    TEXT("\xed"), TEXT("\x0f\x01\xca"), TEXT("\x0f\x01\xcb"), TEXT("\x0f\xae\x17"), TEXT("\x0f\xae\x1f"),
    TEXT("\xdd\x27"), TEXT("\xdd\x37"), TEXT("\xd9\x27"), TEXT("\xd9\x37"), TEXT("\xdb\x2f"), TEXT("\xdb\x3f"),
    TEXT("\xdf\x27"), TEXT("\xdf\x37"), TEXT("\x9b\xdb\xe3"), TEXT("\xff\x17"), TEXT("\xff\x27"), TEXT("\xff\x1f"),
    TEXT("\xff\x2f"), TEXT("\x48\xff\x2f"), TEXT("\x8f\x07"), TEXT("\xff\x37"), TEXT("\xc8\x10\x00\x1f"), TEXT("\xc9"),
    TEXT("\x60"), TEXT("\x61"), TEXT("\xc5\x07"), TEXT("\x62\x07"), TEXT("\xd7"), TEXT("\xf1"), TEXT("\xcc"),
    TEXT("\xce"), TEXT("\x0f\x00\x07"), TEXT("\x0f\x00\x0f"), TEXT("\x0f\x00\x17"), TEXT("\x0f\x00\x1f"),
    TEXT("\x0f\x02\x07"), TEXT("\x0f\x03\x07"), TEXT("\x0f\x00\xe0"), TEXT("\x0f\x01\xe0"), TEXT("\x0f\x01\xf0"),
    TEXT("\x66\x0f\x38\x82\x07"), TEXT("\x0f\x31"), TEXT("\x0f\x01\xf9"), TEXT("\x0f\xc7\xf0"), TEXT("\x0f\x20\xc0"),
    TEXT("\x0f\x23\xf8"), TEXT("\x0f\x21\xf0"), TEXT("\xf3\x0f\xae\xd0"), TEXT("\xf3\x0f\xae\xd8"), TEXT("\x44\x0f\x22\xc0"),
};

static void one_step(struct code *code, struct input *input, const uint8_t *start) {
  uint8_t kind = take8(input);
  switch (kind % 17) {
    case 0:
      for (unsigned n = take8(input) % 16; n--;) byte(code, take8(input));
      break;
    case 1: {
      unsigned reg = take8(input) % (code->size == 8 ? 16 : 8);
      set(code, reg, take_value(input));
      break;
    }
    case 2:
    case 3: {
      set(code, 1, msrs[take8(input) % (sizeof msrs / sizeof *msrs)]);
      uint64_t value = take_value(input);
      set(code, 2, value >> 32);
      set(code, 0, (uint32_t)value);
      bytes(code, kind % 17 == 2 ? "\x0f\x30" : "\x0f\x32", 2);
      break;
    }
    case 4: {
      static const uint8_t registers[] = {0, 2, 3, 4, 3, 4, 0, 8};
      unsigned number = registers[take8(input) % sizeof registers];
      uint64_t value = take_value(input);
      if (number == 0) value |= take8(input) & 1 ? 0x80000001 : 1;
      if (number == 4) value ^= 0x620;
      set(code, 0, value);
      if (number == 8) byte(code, code->size == 8 ? 0x44 : 0xf0);
      bytes(code, "\x0f\x22", 2);
      byte(code, (uint8_t)(0xc0 | (number & 7) << 3));
      break;
    }
    case 5: {
      set(code, 7, take_value(input));
      set(code, 0, take_value(input));
      unsigned shape = take8(input) & 3;
      if (shape == 3 && code->size == 8) byte(code, 0x48);
      address_prefix(code);
      if (shape == 2) byte(code, 0x66);
      byte(code, shape == 0 ? 0x88 : 0x89);
      byte(code, 0x07);
      break;
    }
    case 6:
    case 7:
      set(code, 7, 0xfee00000u + take8(input) % 0x40 * 0x10u);
      if (kind % 17 == 6) set(code, 0, take_value(input));
      address_prefix(code);
      byte(code, kind % 17 == 6 ? 0x89 : 0x8b);
      byte(code, 0x07);
      break;
    case 8:
      byte(code, 0xcd);
      byte(code, take8(input));
      break;
    case 9:
      push_value(code, take_selector(input));
      push_value(code, take_value(input));
      if (code->size == 8 && take8(input) & 1) byte(code, 0x48);
      byte(code, 0xcb);
      break;
    case 10: {
      unsigned segment = take8(input) % 6;
      set(code, 0, take_selector(input));
      byte(code, 0x8e);
      byte(code, (uint8_t)(0xc0 | segment << 3));
      break;
    }
    case 11: {
      static const uint8_t opcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0x6c, 0x6d, 0x6e, 0x6f};
      uint8_t how = take8(input);
      set(code, 1, take_value(input));
      set(code, 6, take_value(input));
      set(code, 7, take_value(input));
      byte(code, how & 0x80 ? 0xfd : 0xfc);
      if (how & 0x40) byte(code, 0x66);
      if (how & 0x20) byte(code, 0x67);
      if (how & 0x10) byte(code, how & 8 ? 0xf2 : 0xf3);
      if (code->size == 8 && how & 4) byte(code, 0x48);
      byte(code, opcodes[take8(input) % sizeof opcodes]);
      break;
    }
    case 12: {
      push_value(code, take_selector(input));
      push_value(code, take_value(input));
      push_value(code, take_value(input) & 0x3ffff);
      push_value(code, take_selector(input));
      push_value(code, take_value(input));
      if (code->size == 8) byte(code, 0x48);
      if (code->size == 2) byte(code, 0x66);
      byte(code, 0xcf);
      break;
    }
    case 13: {
      int64_t back = start - code->at - 5 + take8(input) * (int64_t)(take8(input) & 1);
      byte(code, take8(input) & 1 ? 0xe8 : 0xe9);
      number(code, (uint64_t)back, code->size == 2 ? 2 : 4);
      break;
    }
    case 14: { /* any opcode on [rdi] */
      set(code, 7, take_value(input));
      uint8_t prefixes = take8(input);
      if (prefixes & 1) byte(code, 0xf0);
      if (prefixes & 2) byte(code, 0x66);
      if (prefixes & 4) byte(code, prefixes & 8 ? 0xf2 : 0xf3);
      if (prefixes & 0x30) byte(code, (prefixes & 0x30) == 0x10 ? 0x64 : (prefixes & 0x30) == 0x20 ? 0x65 : 0x2e);
      address_prefix(code);
      if (code->size == 8) byte(code, (uint8_t)(0x40 | (prefixes >> 4 & 0xe)));
      uint8_t map = take8(input);
      if (map & 3) byte(code, 0x0f);
      if ((map & 7) == 3) byte(code, map & 8 ? 0x38 : 0x3a);
      byte(code, take8(input));
      byte(code, (uint8_t)((take8(input) & 0x38) | 7));
      number(code, take8(input), 1);
      break;
    }
    case 15: {
      const size_t count = sizeof singles / sizeof *singles;
      unsigned which = take8(input) % count;
      set(code, 7, take_value(input));
      address_prefix(code);
      bytes(code, singles[which].text, singles[which].count);
      break;
    }
    case 16: { /* short jumps */
      byte(code, (uint8_t)(0x70 | (take8(input) & 15)));
      byte(code, take8(input));
      break;
    }
  }
}

void guest_code(uint8_t *to, size_t room, unsigned code_size, struct input *input) {
  struct code code = {to, to + room, code_size};
  while (input->left && code.at + 64 < code.end) one_step(&code, input, to);
  /* Over and over: what was translated runs again. */
  int64_t back = to - code.at - (code_size == 2 ? 3 : 5);
  byte(&code, 0xe9);
  number(&code, (uint64_t)back, code_size == 2 ? 2 : 4);
}
