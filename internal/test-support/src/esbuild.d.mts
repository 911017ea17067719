export declare const esbuild: string;
export declare const bundleOptions: readonly string[];
