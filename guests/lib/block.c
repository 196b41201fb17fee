#include "guest.h"

struct answer block_read(u64 offset, void *to, u32 length) {
  return call(SX_CALL_BLOCK_READ, offset, (u64)to, length);
}

struct answer block_write(u64 offset, const void *from, u32 length) {
  return call(SX_CALL_BLOCK_WRITE, offset, (u64)from, length);
}
