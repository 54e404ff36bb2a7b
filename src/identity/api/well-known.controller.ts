import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { IdentityConfig, ServerConfig } from '../../platform/config/index.js';
import { PERMISSIONS, Public } from '../../platform/security/index.js';
import { LocalIssuer } from '../local-issuer.js';

/** `/.well-known/*`: what a client must know to obtain and verify tokens. */
@ApiTags('access')
@Controller('.well-known')
@Public()
export class WellKnownController {
  constructor(
    private readonly issuer: LocalIssuer,
    private readonly config: IdentityConfig,
    private readonly server: ServerConfig,
  ) {}

  @Get('jwks.json')
  jwks(): ReturnType<LocalIssuer['jwks']> {
    return this.issuer.jwks();
  }

  /** Source: RFC 9728 §2. */
  @Get('oauth-protected-resource')
  resource(): Record<string, unknown> {
    return {
      resource: this.server.publicUrl,
      authorization_servers: this.config.oidc === null ? [] : [this.config.oidc.issuer],
      scopes_supported: PERMISSIONS,
      bearer_methods_supported: ['header'],
    };
  }
}
