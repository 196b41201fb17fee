/**
 * The host as the micro guest `net` asks it for echoes: a TAP interface with an IPv4 address. The
 * kernel answers within the call that brings it the request, so that nothing but guest and hypervisor
 * takes time of the cores.
 */
import { hostError } from "../errors.ts";

/** Addresses of the host and the guest, from a range for documentation (RFC 5737). */
export const HOST_ADDRESS = "192.0.2.1", GUEST_ADDRESS = "192.0.2.2";
const NETMASK = "255.255.255.0";

const O_RDWR = 2, O_CLOEXEC = 0o2000000;
/** linux/if_tun.h: ioctls and flags of an interface. */
const TUNSETIFF = 0x400454ca, TUNSETPERSIST = 0x400454cb, IFF_TAP = 2, IFF_NO_PI = 0x1000;
/** linux/sockios.h. */
const SIOCSIFFLAGS = 0x8914, SIOCSIFADDR = 0x8916, SIOCSIFNETMASK = 0x891c;
const IFF_UP = 1, AF_INET = 2, SOCK_DGRAM = 2;
/** `struct ifreq`, where its union begins, and where an address lies in that. */
const IFREQ_BYTES = 40, NAME_BYTES = 16, ADDRESS_AT = 4;

/** A request for an interface. */
function request(name: string, fill: (union: DataView) => void): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IFREQ_BYTES);
  new TextEncoder().encodeInto(name, bytes.subarray(0, NAME_BYTES - 1));
  fill(new DataView(bytes.buffer, NAME_BYTES));
  return bytes;
}

/**
 * Makes an interface with {@link HOST_ADDRESS}, which stays and is left to whoever opens it.
 *
 * @throws SplitXError `no-tap` with the call that failed
 */
export function makeHostInterface(name: string): void {
  const { symbols: { open, close, ioctl, set, socket } } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
    set: { name: "ioctl", parameters: ["i32", "u32", "u64"], result: "i32" },
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  const must = (call: string, result: number) => {
    if (result < 0) throw hostError("no-tap", `${call} failed for ${name}`);
    return result;
  };
  const address = (text: string) =>
    request(name, (union) => {
      union.setUint16(0, AF_INET, true);
      text.split(".").forEach((part, i) => union.setUint8(ADDRESS_AT + i, Number(part)));
    });
  const path = new TextEncoder().encode("/dev/net/tun\0");
  const tun = must("open of /dev/net/tun", open(path, O_RDWR | O_CLOEXEC));
  const kind = request(name, (union) => union.setUint16(0, IFF_TAP | IFF_NO_PI, true));
  must("TUNSETIFF", ioctl(tun, TUNSETIFF, kind));
  must("TUNSETPERSIST", set(tun, TUNSETPERSIST, 1n));
  close(tun);
  const any = must("socket", socket(AF_INET, SOCK_DGRAM, 0));
  must("SIOCSIFADDR", ioctl(any, SIOCSIFADDR, address(HOST_ADDRESS)));
  must("SIOCSIFNETMASK", ioctl(any, SIOCSIFNETMASK, address(NETMASK)));
  const up = request(name, (union) => union.setUint16(0, IFF_UP, true));
  must("SIOCSIFFLAGS", ioctl(any, SIOCSIFFLAGS, up));
  close(any);
}
