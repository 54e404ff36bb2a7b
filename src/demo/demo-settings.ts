import { Injectable } from '@nestjs/common';

import { DataConfig, DemoConfig, ServerConfig } from '../platform/config/index.js';
import { DemoFile } from './demo-file.js';

/** The settings the demo depends on. */
@Injectable()
export class DemoSettings {
  readonly mode: DemoConfig['mode'];
  readonly seed: number;
  readonly production: boolean;
  readonly publicUrl: string;
  readonly file: DemoFile;

  constructor(demo: DemoConfig, server: ServerConfig, data: DataConfig) {
    this.mode = demo.mode;
    this.seed = demo.seed;
    this.production = server.production;
    this.publicUrl = server.publicUrl;
    this.file = new DemoFile(data.dataDir);
  }
}
