/** The key of a plugin starts with this. `id` makes it the plugin's own. */
export function keyPrefix(service: string): string {
  return `/plugins/${service}/`;
}
