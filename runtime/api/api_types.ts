// Made by `deno task api-types` from the routes; do not edit.
// deno-lint-ignore-file
export interface paths {
    "/api/host": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The host, its cores and the engine probe */
        get: operations["getHost"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Roles and load of every core */
        get: operations["getPlan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/plan/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The cores that a machine would get now and what that brings with it, or why it gets none */
        post: operations["previewPlan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/adaptive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Adaptive roles: settings, what the last look saw, and the decisions */
        get: operations["getAdaptive"];
        /** Switches adaptive roles on or off, with the thresholds given and defaults for the rest */
        put: operations["setAdaptive"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every machine that was not deleted */
        get: operations["listVms"];
        put?: never;
        /**
         * Makes a machine; it does not run yet
         * @description `guest` is a bundled guest, `linux`, or a file in an image folder. Its console is read from now on, so that it never waits for a reader.
         */
        post: operations["createVm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One machine */
        get: operations["getVm"];
        put?: never;
        post?: never;
        /** Stops a machine and gives back its cores, memory and files */
        delete: operations["deleteVm"];
        options?: never;
        head?: never;
        /**
         * Switches knobs of a machine, while its guest runs
         * @description A knob that its machine does not let be switched is refused with the reason.
         */
        patch: operations["switchVm"];
        trace?: never;
    };
    "/api/vms/{id}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counters since its start: exits by reason, requests, rings, memory */
        get: operations["getVmStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/latency": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How long its exits, by reason, and its calls took since its start: histograms */
        get: operations["getVmLatency"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Runs the guest */
        post: operations["startVm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Halts every vCPU where it is */
        post: operations["pauseVm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Goes on after a pause */
        post: operations["resumeVm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends the machine, whatever it does */
        post: operations["stopVm"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Moves its vCPUs and roles to other cores, while its guest runs
         * @description A plan that cannot be is refused with the reason before anything moves.
         */
        put: operations["moveVm"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/plan/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What another plan would bring with it, or why it cannot be */
        post: operations["previewMove"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vms/{id}/console": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The console, by a WebSocket
         * @description Binary messages are bytes: first what was said lately, then what comes; what is sent is typed. The text message {"resize":{"columns":80,"rows":24}} tells the size of the terminal. Close codes: 1000 it has ended, 1008 a message that is none, 1013 too slow.
         */
        get: operations["watchConsole"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/guests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Bundled guests, and the files in the image folders */
        get: operations["getGuests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/compare": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How b differs from a, two records of one experiment: intervals of the differences */
        get: operations["compareRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/figures": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the record of an experiment shows, in sentences and pictures */
        get: operations["getFigures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The record of an experiment as a page with plots, which stands alone */
        get: operations["getReport"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Records, newest first */
        get: operations["listRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One record */
        get: operations["getRun"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/runs/{id}/csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The rows of a record as comma-separated values (RFC 4180) */
        get: operations["getRows"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/experiments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Experiments with the JSON Schema of their parameters, and those that were started */
        get: operations["listExperiments"];
        put?: never;
        /** Starts an experiment */
        post: operations["startExperiment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/experiments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How far one is */
        get: operations["getExperiment"];
        put?: never;
        post?: never;
        /** Ends one early */
        delete: operations["cancelExperiment"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Live statistics: the event `snapshot` ten times a second, each a Snapshot */
        get: operations["getEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the runtime is well; needs no token */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Keeps the token of this request in a cookie, for WebSockets and events of a browser */
        post: operations["openSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Snapshot: {
            number: number;
            at: string;
            spanMs: number;
            cores: components["schemas"]["CoreActivity"][];
            machines: components["schemas"]["MachineActivity"][];
        };
        CoreActivity: {
            cpu: number;
            roles: {
                /** @enum {string} */
                role: "housekeeping" | "hypervisor" | "sidecore" | "guest";
                vm?: number;
                vcpu?: number;
            }[];
            busy: number;
            spin: number;
            idle: number;
            hostBusy: number;
        };
        MachineActivity: {
            id: number;
            name: string;
            /** @enum {string} */
            state: "created" | "running" | "paused" | "stopped" | "failed";
            exits: {
                [key: string]: number;
            };
            exitsPerSecond: number;
            requests: number;
            requestsPerSecond: number;
            deviceRequestsPerSecond: number;
            interruptsPerSecond: number;
            framesPerSecond: number;
            postedWaiting: number;
            postedDepth: number;
            ringWaiting: number;
            ringDepth: number;
            queues: components["schemas"]["QueueOccupancy"][];
            faults: components["schemas"]["Faults"];
            residentBytes: number;
        };
        QueueOccupancy: {
            device: string;
            number: number;
            queue: number;
            input: boolean;
            size: number;
            occupied: number;
        };
        Faults: {
            wildPorts: number;
            unmappedMemory: number;
            unknownCalls: number;
            lostInterrupts: number;
        };
        Host: {
            host: {
                cpu: string;
                cores: string;
                kernel: string;
                deno: string;
                tscKhz: number;
                /** @enum {string} */
                native: "everything" | "ring-3" | "none";
                ring0Ns: number;
                ring3Ns: number;
                exitNs: number;
            };
            probe: components["schemas"]["EngineProbe"];
            engines: {
                micro: {
                    /** @enum {string} */
                    engine: "kvm" | "soft";
                    why: string;
                };
                pc: {
                    /** @enum {string} */
                    engine: "kvm" | "soft";
                    why: string;
                };
            };
            cores: components["schemas"]["HostCore"][];
            simulated: boolean;
        };
        EngineProbe: {
            /** @enum {string} */
            native: "everything" | "ring-3" | "none";
            problem: string;
            ring0Ns: number;
            ring3Ns: number;
            exitNs: number;
            disableExits: number;
            irqchip: boolean;
            splitIrqchip: boolean;
            immediateExit: boolean;
            maxVcpus: number;
        };
        HostCore: {
            cpu: number;
            siblings: number[];
            package: number;
            node: number;
            cacheGroup: number[];
            cacheBytes: number;
            online: boolean;
            isolated: boolean;
            allowed: boolean;
        };
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            code: string;
            errors?: {
                at: string;
                detail: string;
            }[];
        };
        Plan: {
            at: string;
            spanMs: number;
            cores: components["schemas"]["CoreActivity"][];
        };
        PlanPreview: {
            /** @enum {boolean} */
            possible: true;
            plan: components["schemas"]["CorePlan"];
            /** @enum {string} */
            engine: "kvm" | "soft";
            why: string;
            effects: {
                good: boolean;
                text: string;
            }[];
        } | {
            /** @enum {boolean} */
            possible: false;
            code: string;
            reason: string;
        };
        CorePlan: {
            housekeeping: number[];
            hypervisor: number[];
            /** @default [] */
            sidecore?: number[];
            guest: number[];
        };
        PlanRequest: {
            /** @default vm */
            name?: string;
            guest: string;
            initrd?: string;
            /**
             * @default auto
             * @enum {string}
             */
            engine?: "auto" | "kvm" | "soft";
            /**
             * @default micro
             * @enum {string}
             */
            machine?: "micro" | "pc";
            /** @enum {string} */
            irqchip?: "none" | "full" | "split";
            /**
             * @default split
             * @enum {string}
             */
            placement?: "same-core" | "split";
            /**
             * @default polled
             * @enum {string}
             */
            notification?: "exit" | "polled";
            /**
             * @default host
             * @enum {string}
             */
            clock?: "host" | "virtual";
            seed?: number;
            epoch?: number;
            /** @default false */
            traceHash?: boolean;
            trace?: {
                /** @default 0 */
                from?: number;
                /** @default 9007199254740991 */
                count?: number;
            };
            /** @default 1 */
            vcpus?: number;
            /** @default 67108864 */
            memory?: number | string;
            disk?: string;
            /** @default false */
            writable?: boolean;
            /** @default [] */
            disks?: {
                file: string;
                /** @default false */
                writable?: boolean;
                serial?: string;
                /** @default 1 */
                queues?: number;
            }[];
            network?: string;
            mac?: string;
            /**
             * @default serial
             * @enum {string}
             */
            console?: "serial" | "virtio";
            /** @default [] */
            ports?: {
                name: string;
                socket: string;
            }[];
            /** @default  */
            cmdline?: string;
            cpuid?: string | {
                policy?: string;
                leaves: {
                    leaf: number | string;
                    /** @default 0 */
                    subleaf?: number | string;
                    eax?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    ebx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    ecx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    edx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                }[];
            };
            /** @default {} */
            polling?: {
                /** @default 1 */
                startRate?: number;
                /** @default 3000 */
                stopIdleMs?: number;
                /** @default 64 */
                quantum?: number;
                /** @default 8 */
                leastQuantum?: number;
                /** @default 10 */
                stuckUs?: number;
            };
            plan?: {
                housekeeping: number[];
                hypervisor: number[];
                /** @default [] */
                sidecore?: number[];
                guest: number[];
            };
            /** @default false */
            overcommit?: boolean;
            /** @default 1 */
            hypervisors?: number;
        };
        Adaptive: {
            settings: components["schemas"]["AdaptiveSettings"];
            cores: {
                cpu: number;
                busy: number;
            }[];
            last: string;
            decisions: {
                at: string;
                /** @enum {string} */
                action: "add" | "remove";
                why: string;
                moves: {
                    /** @enum {string} */
                    role: "housekeeping" | "hypervisor" | "guest";
                    vcpu?: number;
                    from: number[];
                    to: number[];
                    pauseNs?: number;
                    vm: number;
                    name: string;
                }[];
                refused?: string;
                times: number;
            }[];
        };
        AdaptiveSettings: {
            enabled: boolean;
            /** @default 0.8 */
            addAbove?: number;
            /** @default 0.5 */
            removeBelow?: number;
            /** @default 5 */
            looks?: number;
            /** @default 1 */
            least?: number;
            most?: number;
        };
        Vm: {
            id: number;
            name: string;
            /** @enum {string} */
            state: "created" | "running" | "paused" | "stopped" | "failed";
            config: {
                name: string;
                guest: string;
                /** @enum {string} */
                engine: "kvm" | "soft";
                /** @enum {string} */
                machine: "micro" | "pc";
                /** @enum {string} */
                irqchip: "none" | "full" | "split";
                /** @enum {string} */
                placement: "same-core" | "split";
                /** @enum {string} */
                notification: "exit" | "polled";
                /** @enum {string} */
                clock: "host" | "virtual";
                vcpus: number;
                memory: number;
                cmdline: string;
                /** @enum {string} */
                console: "serial" | "virtio";
                network?: string;
                disks: string[];
            };
            plan: components["schemas"]["CorePlan"];
            end?: {
                /** @enum {string} */
                state: "stopped" | "failed";
                code?: number;
                reason?: string;
                lastExit?: {
                    reason: string;
                    address: string;
                    rip: string;
                    detail: number;
                };
            };
            knobs: "notification"[];
            watchers: number;
        };
        VmRequest: {
            /** @default vm */
            name?: string;
            guest: string;
            initrd?: string;
            /**
             * @default auto
             * @enum {string}
             */
            engine?: "auto" | "kvm" | "soft";
            /**
             * @default micro
             * @enum {string}
             */
            machine?: "micro" | "pc";
            /** @enum {string} */
            irqchip?: "none" | "full" | "split";
            /**
             * @default split
             * @enum {string}
             */
            placement?: "same-core" | "split";
            /**
             * @default polled
             * @enum {string}
             */
            notification?: "exit" | "polled";
            /**
             * @default host
             * @enum {string}
             */
            clock?: "host" | "virtual";
            seed?: number;
            epoch?: number;
            /** @default false */
            traceHash?: boolean;
            trace?: {
                /** @default 0 */
                from?: number;
                /** @default 9007199254740991 */
                count?: number;
            };
            /** @default 1 */
            vcpus?: number;
            /** @default 67108864 */
            memory?: number | string;
            disk?: string;
            /** @default false */
            writable?: boolean;
            /** @default [] */
            disks?: {
                file: string;
                /** @default false */
                writable?: boolean;
                serial?: string;
                /** @default 1 */
                queues?: number;
            }[];
            network?: string;
            mac?: string;
            /**
             * @default serial
             * @enum {string}
             */
            console?: "serial" | "virtio";
            /** @default [] */
            ports?: {
                name: string;
                socket: string;
            }[];
            /** @default  */
            cmdline?: string;
            cpuid?: string | {
                policy?: string;
                leaves: {
                    leaf: number | string;
                    /** @default 0 */
                    subleaf?: number | string;
                    eax?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    ebx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    ecx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                    edx?: (number | string) | {
                        value: number | string;
                        mask: number | string;
                    };
                }[];
            };
            /** @default {} */
            polling?: {
                /** @default 1 */
                startRate?: number;
                /** @default 3000 */
                stopIdleMs?: number;
                /** @default 64 */
                quantum?: number;
                /** @default 8 */
                leastQuantum?: number;
                /** @default 10 */
                stuckUs?: number;
            };
            plan?: {
                housekeeping: number[];
                hypervisor: number[];
                /** @default [] */
                sidecore?: number[];
                guest: number[];
            };
            /** @default false */
            overcommit?: boolean;
        };
        VmStats: {
            vcpus: components["schemas"]["VcpuStats"][];
            wildPorts: number;
            unmappedMemory: number;
            unknownCalls: number;
            queueNotifications: number;
            queueRequests: number;
            queueServedNs: number;
            interrupts: number;
            lostInterrupts: number;
            framesSent: number;
            framesReceived: number;
            framesDropped: number;
            linksLost: number;
            queues: components["schemas"]["QueueOccupancy"][];
            residentBytes: number;
            engine: {
                [key: string]: number;
            };
        };
        VcpuStats: {
            exits: {
                [key: string]: number;
            };
            exitsTotal: number;
            guestNs: number;
            waitNs: number;
            servedNs: number;
            calls: number;
            postedCalls: number;
            postedExits: number;
            postedFull: number;
            postedWaiting: number;
            ringWaiting: number;
            parks: number;
            firstRunTicks: number;
            thread: number;
            cpuNs: number;
            engine: {
                [key: string]: number;
            };
        };
        VmLatency: {
            boundsNs: number[];
            exits: {
                [key: string]: components["schemas"]["WaitHistogram"];
            };
            calls?: components["schemas"]["WaitHistogram"];
        };
        WaitHistogram: {
            n: number;
            meanNs: number;
            p50Ns: number;
            p99Ns: number;
            counts: number[];
        };
        Knobs: {
            /** @enum {string} */
            notification: "exit" | "polled";
        };
        Moves: {
            plan: components["schemas"]["CorePlan"];
            moves: {
                /** @enum {string} */
                role: "housekeeping" | "hypervisor" | "guest";
                vcpu?: number;
                from: number[];
                to: number[];
                pauseNs?: number;
            }[];
        };
        MovePreview: {
            /** @enum {boolean} */
            possible: true;
            effects: {
                good: boolean;
                text: string;
            }[];
        } | {
            /** @enum {boolean} */
            possible: false;
            code: string;
            reason: string;
        };
        Guests: {
            bundled: {
                name: string;
                /** @enum {string} */
                kind: "micro" | "linux";
            }[];
            folders: string[];
            files: {
                path: string;
                bytes: number;
            }[];
        };
        Comparison: {
            /** @enum {string} */
            schema: "splitx.comparison/1";
            name: string;
            a: {
                run: number;
                at: string;
                host: {
                    cpu: string;
                    cores: string;
                    kernel: string;
                    deno: string;
                    tscKhz: number;
                    /** @enum {string} */
                    native: "everything" | "ring-3" | "none";
                    ring0Ns: number;
                    ring3Ns: number;
                    exitNs: number;
                };
            };
            b: {
                run: number;
                at: string;
                host: {
                    cpu: string;
                    cores: string;
                    kernel: string;
                    deno: string;
                    tscKhz: number;
                    /** @enum {string} */
                    native: "everything" | "ring-3" | "none";
                    ring0Ns: number;
                    ring3Ns: number;
                    exitNs: number;
                };
            };
            rows: components["schemas"]["ComparedRow"][];
            unmatched: number;
        };
        ComparedRow: {
            name: string;
            /** @enum {string} */
            engine?: "kvm" | "soft";
            /** @enum {string} */
            placement?: "same-core" | "split";
            /** @enum {string} */
            notification?: "exit" | "polled";
            /** @enum {string} */
            interrupts?: "injected" | "delivery-only" | "exitless";
            guest?: string;
            /** @enum {string} */
            clock?: "host" | "virtual";
            /** @enum {string} */
            kind: "measured" | "modelled";
            unit: string;
            p50?: number;
            p99?: number;
            p999?: number;
            bound?: string;
            holds?: boolean;
            at?: {
                [key: string]: string | number;
            };
            a: number;
            b: number;
            difference: number;
            interval?: {
                low: number;
                high: number;
                level: number;
            };
            p?: number;
            /** @enum {string} */
            verdict: "higher" | "lower" | "no difference seen";
        };
        Figures: {
            summary: string[];
            figures: {
                title: string;
                svg: string;
            }[];
        };
        Runs: {
            runs: {
                id: number;
                at: string;
                schema: string;
                name: string;
                rows: number;
            }[];
            next?: number;
        };
        Run: {
            id: number;
            at: string;
            record: components["schemas"]["Record"];
        };
        Record: {
            schema: string;
            name: string;
            host: {
                cpu: string;
                cores: string;
                kernel: string;
                deno: string;
                tscKhz: number;
                /** @enum {string} */
                native: "everything" | "ring-3" | "none";
                ring0Ns: number;
                ring3Ns: number;
                exitNs: number;
            };
            rows: components["schemas"]["Row"][];
        } & {
            [key: string]: unknown;
        };
        Row: {
            name: string;
            /** @enum {string} */
            engine?: "kvm" | "soft";
            /** @enum {string} */
            placement?: "same-core" | "split";
            /** @enum {string} */
            notification?: "exit" | "polled";
            /** @enum {string} */
            interrupts?: "injected" | "delivery-only" | "exitless";
            guest?: string;
            /** @enum {string} */
            clock?: "host" | "virtual";
            /** @enum {string} */
            kind: "measured" | "modelled";
            unit: string;
            n: number;
            p50?: number;
            p99?: number;
            p999?: number;
            value?: number;
            bound?: string;
            holds?: boolean;
            at?: {
                [key: string]: string | number;
            };
            interval?: {
                low: number;
                high: number;
                level: number;
            };
            samples?: number[];
        };
        Experiments: {
            experiments: components["schemas"]["Experiment"][];
            jobs: components["schemas"]["ExperimentJob"][];
        };
        Experiment: {
            name: string;
            title: string;
            description: string;
            parameters: {
                [key: string]: unknown;
            };
        };
        ExperimentJob: {
            id: string;
            experiment: string;
            /** @enum {string} */
            state: "running" | "done" | "failed" | "cancelled";
            progress: number;
            message: string;
            secondsLeft?: number;
            startedAt: string;
            endedAt?: string;
            run?: number;
        };
        ExperimentRequest: {
            name: string;
            /** @default {} */
            parameters?: {
                [key: string]: unknown;
            };
        };
        Health: {
            /** @enum {string} */
            status: "ok";
            machines: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHost: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The host */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Host"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPlan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every usable core */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Plan"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewPlan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PlanRequest"];
            };
        };
        responses: {
            /** @description The plan, or the reason */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PlanPreview"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getAdaptive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Settings and decisions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Adaptive"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    setAdaptive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AdaptiveSettings"];
            };
        };
        responses: {
            /** @description Settings and decisions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Adaptive"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listVms: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machines, the oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"][];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createVm: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VmRequest"];
            };
        };
        responses: {
            /** @description The machine */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machine */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    switchVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Knobs"];
            };
        };
        responses: {
            /** @description The machine after the switch */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getVmStats: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counters */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VmStats"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getVmLatency: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The histograms */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VmLatency"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machine after the step */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machine after the step */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machine after the step */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stopVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machine after the step */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Vm"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    moveVm: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CorePlan"];
            };
        };
        responses: {
            /** @description What moved, and how long each vCPU paused */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Moves"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    previewMove: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CorePlan"];
            };
        };
        responses: {
            /** @description Whether it can be */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovePreview"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    watchConsole: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It goes on as a WebSocket */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getGuests: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What machines can be made of */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Guests"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    compareRuns: {
        parameters: {
            query: {
                a: number;
                b: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The differences, in the order of a's rows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Comparison"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFigures: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sentences and pictures */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Figures"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReport: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRuns: {
        parameters: {
            query?: {
                name?: string;
                schema?: "splitx.bench/1" | "splitx.run/1" | "splitx.experiment/1";
                before?: number;
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Runs"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The record */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Run"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getRows: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rows */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listExperiments: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Experiments and jobs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Experiments"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    startExperiment: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ExperimentRequest"];
            };
        };
        responses: {
            /** @description It has begun */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExperimentJob"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getExperiment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExperimentJob"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelExperiment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job after its end */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ExperimentJob"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEvents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events until the connection ends; who is slow misses some */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The cookie is set, where a token is needed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is wrong, or something is in its way */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The host cannot do it, or a defect */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
