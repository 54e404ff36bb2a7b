import type { Config } from './platform/config/index.js';

/** A configuration whose database is known. */
export type RunnableConfig = Config & { readonly database: { readonly url: string } };
