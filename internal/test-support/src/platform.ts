import { onTestFinished } from 'vitest';

/** Makes this process look like one on another platform until the test ends, to code that asks from now on. */
export function pretendPlatform(platform: NodeJS.Platform): void {
  const actual = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
  Object.defineProperty(process, 'platform', { ...actual, value: platform });
  onTestFinished(() => void Object.defineProperty(process, 'platform', actual));
}
