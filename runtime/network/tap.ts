/** Opens a TAP interface of the host. */
import { check, type Stub, StubError } from "../../cores/stub.ts";
import { hostError, usageError } from "../../errors.ts";

/** Linux errno. */
const NOT_PERMITTED = 1, MISSING = 2, NO_DEVICE = 19, NO_ACCESS = 13, BUSY = 16, INVALID = 22;

function explain(name: string, errno: number, message: string): Error {
  switch (errno) {
    case MISSING:
    case NO_DEVICE:
      return hostError("no-tap", "/dev/net/tun is not there: load it with: modprobe tun");
    case NOT_PERMITTED:
    case NO_ACCESS:
      return hostError(
        "no-tap",
        `tap ${name} may not be opened: make it yours with: ` +
          `sudo ip tuntap add dev ${name} mode tap user $(id -un)`,
      );
    case BUSY:
      return usageError("tap-unusable", `tap ${name} is in use by another machine or program`);
    case INVALID:
      return usageError("tap-unusable", `${name} is an interface of another kind than tap`);
    default:
      return usageError("tap-unusable", `tap ${name} cannot be opened (${message})`);
  }
}

/**
 * Opens a TAP interface, which is made when it is not there and the user may make it.
 *
 * @returns the stub's handle
 * @throws SplitXError `no-tap` or `tap-unusable` with the reason and what to do
 */
export function openTap(stub: Stub, name: string): number {
  const bytes = new TextEncoder().encode(`${name}\0`);
  try {
    return check(stub, stub.sx_tap_open(bytes, bytes.length));
  } catch (error) {
    if (!(error instanceof StubError)) throw error;
    throw explain(name, error.errno, error.message);
  }
}
