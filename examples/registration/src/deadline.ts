/** How long etcd may take to answer, in milliseconds. */
const LIMIT_MS = 5000;

/** Options for a call to etcd: one that stands still must hold up neither plugins nor hosts. */
export function withDeadline(): { deadline: number } {
  return { deadline: Date.now() + LIMIT_MS };
}
