/** A Linux guest that is made, used and ended through the API alone. */
import { match, ok, strictEqual } from "node:assert";
import { createClient } from "../../runtime/api/client.ts";
import { Runtime } from "../../runtime/runtime.ts";
import { linuxTest } from "../debian_packages.ts";
import { serve, Watching } from "../watching.ts";

/** A boot on a host with much else to do. */
const BOOT_SECONDS = 120;

linuxTest("a Linux made through the API answers on its console and powers off", async () => {
  await using runtime = await Runtime.open();
  await using server = serve(runtime);
  const client = createClient({ address: server.address });
  const { data: vm, error } = await client.POST("/api/vms", { body: { guest: "linux" } });
  ok(vm, JSON.stringify(error));
  const params = { path: { id: vm.id } };
  const watching = new Watching(server, vm.id);
  await client.POST("/api/vms/{id}/start", { params });
  await watching.sees("/ # ", BOOT_SECONDS);
  watching.type("cat /proc/version\n");
  await watching.sees("Linux version", BOOT_SECONDS);
  watching.type("exit 7\n");
  await watching.end();
  const { data: ended } = await client.GET("/api/vms/{id}", { params });
  strictEqual(ended!.state, "stopped");
  const { data: latency } = await client.GET("/api/vms/{id}/latency", { params });
  match(Object.keys(latency!.exits).join(), /io/);
});
