import { defineConfig } from 'tsup';

export default defineConfig({
  entry: [
    'src/main.ts',
    'src/programs/*.ts',
    '!src/programs/{commands,first-answer,grpc-service,memory,socket-library}.ts',
  ],
  format: 'esm',
  target: 'node20',
  clean: true,
});
