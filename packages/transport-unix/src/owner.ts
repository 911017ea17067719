import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-base';

/**
 * What the name of a file says about the thread that made it: a digest of the machine's boot and of the PID and time
 * namespaces, the process ID, the thread ID and the thread's start time. Together they identify one thread for ever, so
 * that others know when it is gone.
 */
const OWNER = /^[a-z]+-([0-9a-f]{10})-(\d+)-(\d+)-(\d+)-[\w-]{12}$/;

// Loaded on first use: that takes longer than loading the rest of this package.
const crypto = () => process.getBuiltinModule('node:crypto');

/** Identifies the calling thread. Empty until it is known, and where the system does not tell. */
let own = '';

/** 12 characters of a file name that cannot be guessed. */
export function unguessableName(): string {
  // 66 random bits. Node draws those of several UUIDs at once, which makes this far cheaper than `randomBytes`.
  return Buffer.from(crypto().randomUUID().replaceAll('-', ''), 'hex').toString('base64url', 0, 9);
}

/**
 * A file name that cannot be guessed, which names the calling thread as its owner where the system tells it: on Linux,
 * with `/proc`.
 */
export function ownedName(kind: string): string {
  const identity = ownIdentity();
  return identity === '' ? `${kind}-${unguessableName()}` : `${kind}-${identity}-${unguessableName()}`;
}

/**
 * What is known of the owner in a name: `gone` if its thread or process ended, `alive` if not, `unknown` if the name
 * has no owner, or one of another boot, PID namespace or machine.
 */
export function ownerState(name: string): 'alive' | 'gone' | 'unknown' {
  const owner = ownerIn(name);
  if (owner === undefined) return 'unknown';
  const { pid, tid, start } = owner;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return 'gone';
  }
  try {
    return threadAt(`/proc/${pid}/task/${tid}`) === start ? 'alive' : 'gone';
  } catch (error) {
    // Only if its process can be seen: `hidepid` hides those of other users (proc(5)).
    return errnoOf(error) === 'ENOENT' && existsSync(`/proc/${pid}/task`) ? 'gone' : 'unknown';
  }
}

/** The process ID in a name; `undefined` if there is none, or one of another boot, PID namespace or machine. */
export function ownerPid(name: string): number | undefined {
  const owner = ownerIn(name);
  return owner && Number(owner.pid);
}

/** The owner in a name; `undefined` if there is none, or one of another boot, PID namespace or machine. */
function ownerIn(name: string): { pid: string; tid: string; start: string } | undefined {
  const [, place = '', pid = '', tid = '', start = ''] = OWNER.exec(name) ?? [];
  return ownIdentity().startsWith(`${place}-`) ? { pid, tid, start } : undefined;
}

function ownIdentity(): string {
  return (own ||= readIdentity());
}

/** Empty if the system does not tell. */
function readIdentity(): string {
  try {
    // A worker thread has a thread ID of its own.
    const [pid = '', , tid = ''] = readlinkSync('/proc/thread-self').split('/');
    // Otherwise, `/proc` is that of another PID namespace.
    if (Number(pid) !== process.pid) return '';
    const start = threadAt('/proc/thread-self');
    if (start === undefined) return '';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
    // In a time namespace, start times are other ones.
    const place = [boot, readlinkSync('/proc/self/ns/pid'), readlinkSync('/proc/self/ns/time')].join();
    const digest = crypto().createHash('sha256').update(place).digest('hex').slice(0, 10);
    return `${digest}-${pid}-${tid}-${start}`;
  } catch {
    return '';
  }
}

/**
 * When a thread started, in clock ticks since the boot; `undefined` if it has ended. Throws if that cannot be read.
 */
function threadAt(directory: string): string | undefined {
  // The second field is a name in parentheses, which may contain anything.
  const stat = readFileSync(`${directory}/stat`, 'latin1');
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

/** Whether the name says whose file it is, known here or not. */
export function hasOwner(name: string): boolean {
  return OWNER.test(name);
}
