import type { Benchmark } from './benchmark.js';
import { code } from './benchmarks/code.js';
import { grpc } from './benchmarks/grpc.js';
import { idle } from './benchmarks/idle.js';
import { late } from './benchmarks/late.js';
import { listen } from './benchmarks/listen.js';
import { many } from './benchmarks/many.js';
import { plugin } from './benchmarks/plugin.js';
import { sockets } from './benchmarks/sockets.js';
import { start } from './benchmarks/start.js';
import { stdio } from './benchmarks/stdio.js';

export const benchmarks: readonly Benchmark[] = [sockets, listen, late, many, grpc, idle, stdio, plugin, start, code];
