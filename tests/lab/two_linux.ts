/** Two Linux guests on one network, with their virtio devices looked at; run inside the lab. */
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { finish, TempFile } from "../support.ts";

const SERVER = `
ip address replace 10.0.2.16/24 dev eth0
dd if=/dev/urandom of=/tmp/file bs=64k count=64 2>/dev/null
sha256sum < /tmp/file > /tmp/sum
echo serving
nc -l -p 7 < /tmp/sum
nc -l -p 8 < /tmp/file
sleep 1`;

const CLIENT = `
echo "driver $(basename "$(readlink /sys/class/net/eth0/device/driver)")"
echo "rng $(cat /sys/class/misc/hw_random/rng_current)"
echo "random $(dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c)"
stty -F /dev/hvc0 size | sed 's/^/size /'
echo "typed on hvc0" > /dev/hvc0
n=0
until ping -c 1 -W 1 10.0.2.16 > /dev/null || [ $n -gt 60 ]; do n=$((n+1)); done
ping -c 5 -i 0.2 10.0.2.16 | grep received
until nc 10.0.2.16 7 > /tmp/sum && [ -s /tmp/sum ]; do sleep 0.2; done
until nc 10.0.2.16 8 > /tmp/file && [ -s /tmp/file ]; do sleep 0.2; done
[ "$(sha256sum < /tmp/file)" = "$(cat /tmp/sum)" ] && echo "file arrived whole"`;

await using runtime = await Runtime.open();
const machine = async (name: string, script: string) => {
  using file = new TempFile(script);
  const config = await linuxConfig({ script: file.path }, (line) => console.error(line));
  const vm = runtime.createVm({
    ...config,
    name,
    network: "lan",
    console: "virtio",
    overcommit: true,
  });
  vm.resize(100, 37);
  const { output, end, stats } = await finish(vm);
  const { framesSent, framesReceived, framesDropped, interrupts, lostInterrupts } = stats;
  const counts = { framesSent, framesReceived, framesDropped, interrupts, lostInterrupts };
  console.log(`==== ${name} ${JSON.stringify(end)} ${JSON.stringify(counts)}\n${output}`);
  await vm[Symbol.asyncDispose]();
};
await Promise.all([machine("server", SERVER), machine("client", CLIENT)]);
