/**
 * Two Linux guests on one network, each with a virtio console and an entropy
 * device. Shows what they say line by line, and how they ended.
 */
import { linuxConfig } from "../../runtime/linux_guest.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { TempFile } from "../support.ts";

/** Serves a file, and goes when it has been asked for it or nobody comes. */
const SERVER = `
ip address flush dev eth0
ip address add 10.0.2.16/24 dev eth0
dd if=/dev/urandom of=/tmp/file bs=64k count=1024 2>/dev/null
sha256sum < /tmp/file
timeout 200 nc -l -p 8 < /tmp/file
sleep 1`;

const CLIENT = `
echo "driver $(basename "$(readlink /sys/class/net/eth0/device/driver)")"
echo "random $(dd if=/dev/hwrng bs=64 count=4 2>/dev/null | wc -c)"
echo "size $(stty size < /dev/hvc0 2>&1)"
echo "this is hvc0" > /dev/hvc0
n=0
until ping -c 1 -W 1 10.0.2.16 > /dev/null || [ $n -ge 30 ]; do n=$((n+1)); done
ping -c 5 -i 0.2 -W 2 10.0.2.16 | grep received
mkfifo /tmp/quiet
sleep 1000 > /tmp/quiet &
n=0
until timeout 200 nc 10.0.2.16 8 < /tmp/quiet > /tmp/file || [ $n -ge 100 ]; do n=$((n+1)); sleep 1; done
sha256sum < /tmp/file`;

await using runtime = await Runtime.open();

async function run(name: string, script: string): Promise<void> {
  using file = new TempFile(script);
  const config = await linuxConfig({ script: file.path }, (line) => console.error(line));
  await using vm = runtime.createVm({
    ...config,
    name,
    network: "lan",
    console: "virtio",
    overcommit: true,
  });
  vm.resize(100, 37);
  await vm.start();
  const lines = vm.console.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    const whole = (rest + text).split(/\r?\n/);
    rest = whole.pop()!;
    for (const line of whole) console.log(`${name}: ${line}`);
  }
  const { framesSent, framesReceived, framesDropped } = vm.stats();
  console.log(`${name}: ${(await vm.ended).state}, frames ${framesSent} sent,`);
  console.log(`${name}: ${framesReceived} received, ${framesDropped} dropped`);
}

await Promise.all([run("server", SERVER), run("client", CLIENT)]);
