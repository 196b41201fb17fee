/**
 * The host's side of the micro guest `net` as a client: makes a TAP interface that stays, prints
 * `ready`, and answers what comes on it as a `net` with role=server would, until it is killed. A
 * process of its own, because it sleeps in the kernel until a frame comes.
 */
const O_RDWR = 2, O_CLOEXEC = 0o2000000;
/** linux/if_tun.h: ioctls and flags of an interface. */
const TUNSETIFF = 0x400454ca, TUNSETPERSIST = 0x400454cb, IFF_TAP = 2, IFF_NO_PI = 0x1000;
/** linux/sockios.h. */
const SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914, SIOCGIFHWADDR = 0x8927, SIOCGIFINDEX = 0x8933;
const IFF_UP = 1;
/** `struct ifreq`, and where its union begins; `struct sockaddr_ll`. */
const IFREQ_BYTES = 40, NAME_BYTES = 16, SOCKADDR_LL_BYTES = 20;
const AF_PACKET = 17, SOCK_RAW = 3;

/** A frame of `guests/net.c`: where its fields lie, and what each kind is answered with. */
const ETHERTYPE = 0x88b5, MAC_BYTES = 6, FROM_AT = 6, KIND_AT = 14, FRAME_MAX = 1518;
const HELLO = 1, REQUEST = 3, END = 6;

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  set: { name: "ioctl", parameters: ["i32", "u32", "u64"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
});

/** Ends the process with the call that failed. */
function must(call: string, result: number): number {
  if (result >= 0) return result;
  console.error(`net_peer: ${call} failed`);
  Deno.exit(1);
}

function request(name: string): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(IFREQ_BYTES);
  new TextEncoder().encodeInto(name, bytes.subarray(0, NAME_BYTES - 1));
  return { bytes, view: new DataView(bytes.buffer, NAME_BYTES) };
}

/** The interface, made and left to whoever opens it next. */
function makeTap(name: string): void {
  const path = new TextEncoder().encode("/dev/net/tun\0"), { bytes, view } = request(name);
  const tun = must("open /dev/net/tun", libc.open(path, O_RDWR | O_CLOEXEC));
  view.setUint16(0, IFF_TAP | IFF_NO_PI, true);
  must("TUNSETIFF", libc.ioctl(tun, TUNSETIFF, bytes));
  must("TUNSETPERSIST", libc.set(tun, TUNSETPERSIST, 1n));
  libc.close(tun);
}

/** A socket for frames of ours on the interface, which is up, and its address. */
function listen(name: string): { socket: number; mac: Uint8Array } {
  const protocol = ETHERTYPE << 8 & 0xff00 | ETHERTYPE >> 8; // as the network has it
  const socket = must("socket", libc.socket(AF_PACKET, SOCK_RAW, protocol));
  const flags = request(name);
  must("SIOCGIFFLAGS", libc.ioctl(socket, SIOCGIFFLAGS, flags.bytes));
  flags.view.setUint16(0, flags.view.getUint16(0, true) | IFF_UP, true);
  must("SIOCSIFFLAGS", libc.ioctl(socket, SIOCSIFFLAGS, flags.bytes));
  const index = request(name), address = request(name);
  must("SIOCGIFINDEX", libc.ioctl(socket, SIOCGIFINDEX, index.bytes));
  must("SIOCGIFHWADDR", libc.ioctl(socket, SIOCGIFHWADDR, address.bytes));
  const where = new DataView(new ArrayBuffer(SOCKADDR_LL_BYTES));
  where.setUint16(0, AF_PACKET, true);
  where.setUint16(2, protocol, true);
  where.setInt32(4, index.view.getInt32(0, true), true);
  must("bind", libc.bind(socket, where, SOCKADDR_LL_BYTES));
  return { socket, mac: address.bytes.slice(NAME_BYTES + 2, NAME_BYTES + 2 + MAC_BYTES) };
}

/** Answers frames, for ever. */
function serve(socket: number, mac: Uint8Array): void {
  const frame = new Uint8Array(FRAME_MAX), size = BigInt(FRAME_MAX);
  for (;;) {
    const length = libc.recv(socket, frame, size, 0);
    const kind = frame[KIND_AT]!;
    if (length <= 0n || (kind !== HELLO && kind !== REQUEST && kind !== END)) continue;
    frame.copyWithin(0, FROM_AT, FROM_AT + MAC_BYTES);
    frame.set(mac, FROM_AT);
    frame[KIND_AT] = kind + 1;
    libc.send(socket, frame, length, 0);
  }
}

const [name] = Deno.args as [string];
makeTap(name);
const { socket, mac } = listen(name);
console.log("ready");
serve(socket, mac);
