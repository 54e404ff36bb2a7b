import { DemoApi } from '../../src/demo/demo-api.js';
import { PartnersSeed } from '../../src/demo/seed/partners.js';
import { SimulationService } from '../../src/demo/simulation.service.js';
import type { GatewayApp } from './gateway-app.js';

/** Starts the simulated partners without delays and limits, and registers them as the demonstration does. They stop with
 *  the application. */
export async function addSimulatedPartners(gateway: GatewayApp): Promise<void> {
  const { app } = gateway;
  const token = gateway.token(await gateway.user('admin'));
  const api = new DemoApi(
    async ({ payload, headers, ...request }) => {
      const answer = await gateway.api(request.method, request.url, undefined, payload, { ...headers });
      return { statusCode: answer.status, body: answer.text };
    },
    () => token,
  );
  const simulation = app.get(SimulationService);
  const baseUrls = await simulation.start(false);
  await app.get(PartnersSeed).run(api, { baseUrls, credential: simulation.credential() });
}
