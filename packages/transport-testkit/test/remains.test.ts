import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { remains, resourcesNow } from '../src/remains.js';

it('remains lists nothing when nothing was opened', () => {
  expect(remains(resourcesNow())).toEqual([]);
});

it.runIf(process.platform === 'linux')('remains lists the target of a descriptor until it closes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'remains-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const before = resourcesNow();
  const descriptor = openSync(join(directory, 'file'), 'w');
  expect(remains(before)).toEqual([join(directory, 'file')]);
  expect(remains(resourcesNow())).toEqual([]);
  closeSync(descriptor);
  expect(remains(before)).toEqual([]);
});

it('remains lists additional timers and listeners of the process', () => {
  const onExit = (): void => undefined;
  process.on('exit', onExit);
  const before = resourcesNow();
  process.on('exit', onExit);
  const timers = [setTimeout(onExit, 60_000), setTimeout(onExit, 60_000)];
  expect(remains(before)).toEqual(['a listener of the process for exit', '2 timers']);
  clearTimeout(timers.pop());
  expect(remains(before)).toEqual(['a listener of the process for exit', '1 timers']);
  timers.forEach(clearTimeout);
  process.off('exit', onExit);
  expect(remains(before)).toEqual([]);
  process.off('exit', onExit);
  expect(remains(before)).toEqual([]);
});
