import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { Plugin } from '@nestjs/apollo';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import { GraphQLError } from 'graphql';
import { type ComplexityEstimator, getComplexity, simpleEstimator } from 'graphql-query-complexity';

const MAX_COMPLEXITY = 5_000;

/** A connection costs what it holds: `first` times its children. */
const connectionEstimator: ComplexityEstimator = ({ args, childComplexity }) =>
  typeof args['first'] === 'number' ? 1 + Math.max(1, args['first']) * childComplexity : undefined;

/** Refuses documents whose cost is above 5 000 before anything is resolved. */
@Plugin()
export class ComplexityPlugin implements ApolloServerPlugin {
  constructor(private readonly schemaHost: GraphQLSchemaHost) {}

  requestDidStart(): Promise<GraphQLRequestListener<object>> {
    return Promise.resolve({
      didResolveOperation: ({ request, document }) => {
        const complexity = getComplexity({
          schema: this.schemaHost.schema,
          ...(request.operationName === undefined ? {} : { operationName: request.operationName }),
          query: document,
          variables: request.variables ?? {},
          estimators: [connectionEstimator, simpleEstimator({ defaultComplexity: 1 })],
        });
        if (complexity > MAX_COMPLEXITY) {
          throw new GraphQLError(
            `This document costs ${String(complexity)}; ${String(MAX_COMPLEXITY)} are allowed. Ask for fewer rows or fields.`,
            { extensions: { code: 'invalid_value', http: { status: 400 } } },
          );
        }
        return Promise.resolve();
      },
    });
  }
}
