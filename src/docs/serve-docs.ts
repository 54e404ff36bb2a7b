import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { lexicographicSortSchema, printSchema } from 'graphql';

import { openApiDocument } from './openapi-document.js';

/** The schema of `/graphql` as text, sorted: equal schemas give equal bytes. */
export function schemaText(app: NestFastifyApplication): string {
  return `${printSchema(lexicographicSortSchema(app.get(GraphQLSchemaHost).schema))}\n`;
}

/** Serves `/docs`, `/docs/openapi.json` and `/docs/schema.graphql`. Call before `app.init()`: the texts are made on first use.
 *  These are plain routes outside the guard: public by design, and nothing in them depends on the caller. */
export function serveDocs(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    raw: ['json'],
    customSiteTitle: 'AI Partners API',
    // Without this the page asks a server on the Internet for its opinion of the document.
    swaggerOptions: { validatorUrl: 'none', defaultModelsExpandDepth: 0, docExpansion: 'none' },
  });
  let text: string | undefined;
  app
    .getHttpAdapter()
    .getInstance()
    .get('/docs/schema.graphql', (_request, reply) => {
      text ??= schemaText(app);
      void reply.type('text/plain; charset=utf-8').send(text);
    });
}
