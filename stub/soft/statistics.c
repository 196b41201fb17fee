/*
 * What a processor counted, in the kernel's format (Linux, Documentation/virt/kvm/api.rst, 4.133
 * KVM_GET_STATS_FD), so that one reader serves both engines.
 */
#include "soft/statistics.h"

#include <string.h>

#include "soft/translation/code_cache.h"

#define NAME_BYTES 48

struct header {
  uint32_t flags, name_size, count, id_offset, descriptor_offset, data_offset;
};

struct descriptor {
  uint32_t flags;
  int16_t exponent;
  uint16_t size; /* values */
  uint32_t offset;
  uint32_t bucket_size;
  char name[NAME_BYTES];
};

enum { INSTRUCTIONS, INTERRUPTS, TRANSLATED_BYTES, NATIVE_BYTES, CODE_FORGOTTEN, COUNTERS };
static const char *const names[COUNTERS] = {"instructions", "interrupts", "translated_bytes", "native_bytes",
                                             "code_forgotten"};

struct file {
  struct header header;
  struct descriptor descriptors[COUNTERS];
  uint64_t values[COUNTERS];
};

uint32_t statistics_write(const struct cpu *cpu, uint8_t *out, uint32_t size) {
  struct file file = {
      .header = {.name_size = NAME_BYTES,
                 .count = COUNTERS,
                 .descriptor_offset = offsetof(struct file, descriptors),
                 .data_offset = offsetof(struct file, values)},
      .values = {[INSTRUCTIONS] = cpu->instructions,
                 [INTERRUPTS] = cpu->interrupts,
                 [TRANSLATED_BYTES] = code_bytes(cpu->code),
                 [NATIVE_BYTES] = code_native_bytes(cpu->code),
                 [CODE_FORGOTTEN] = code_epoch(cpu)}};
  for (uint32_t i = 0; i < COUNTERS; i++) {
    file.descriptors[i] = (struct descriptor){.size = 1, .offset = i * (uint32_t)sizeof(uint64_t)};
    strcpy(file.descriptors[i].name, names[i]);
  }
  uint32_t bytes = size < sizeof file ? size : (uint32_t)sizeof file;
  memcpy(out, &file, bytes);
  return bytes;
}
