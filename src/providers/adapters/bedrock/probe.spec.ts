import { describe, expect, it } from '@jest/globals';

import { aDeploymentView } from '../../../../test/support/adapter-calls.js';
import { probe } from './probe.js';

const HOST = 'https://bedrock-runtime.eu-central-1.amazonaws.com';
const at = (upstreamModel: string, baseUrl = HOST) =>
  probe({ ...aDeploymentView('bedrock'), dialect: 'bedrock', upstreamModel, baseUrl });

describe('the probe of Bedrock', () => {
  it.each([
    ['amazon.nova-micro-v1:0', '/foundation-models/amazon.nova-micro-v1%3A0'],
    ['zai.glm-4.7-flash', '/foundation-models/zai.glm-4.7-flash'],
    [
      'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
      '/inference-profiles/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0',
    ],
    ['arn:aws:bedrock:eu-central-1:1:application-inference-profile/x', '/inference-profiles/arn%3Aaws%3Abedrock'],
    ['arn:aws:bedrock:eu-central-1:1:provisioned-model/x', '/foundation-models?byOutputModality=TEXT'],
    ['', '/foundation-models?byOutputModality=TEXT'],
  ])('asks the control plane for %s', (model, path) => {
    const asked = at(model);
    expect(asked).toMatchObject({ method: 'GET', baseUrl: 'https://bedrock.eu-central-1.amazonaws.com', body: null });
    expect(asked?.path.startsWith(path)).toBe(true);
  });

  it('knows the control plane of every public endpoint, and of nothing else', () => {
    const baseUrlOf = (baseUrl: string) => at('m', baseUrl)?.baseUrl;
    expect(baseUrlOf('https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com')).toBe(
      'https://bedrock-fips.us-gov-west-1.amazonaws.com',
    );
    expect(baseUrlOf('https://bedrock-runtime.cn-north-1.amazonaws.com.cn')).toContain('.amazonaws.com.cn');
    for (const other of [
      'https://proxy.example',
      'http://bedrock-runtime.us-east-1.amazonaws.com',
      'https://bedrock-runtime.us-east-1.amazonaws.com.evil.example',
      'https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com',
    ])
      expect(at('m', other)).toBeNull();
  });

  it('tells keys without a right from keys that are none, and an unknown model from a wrong address', () => {
    const read = (status: number, name: string) =>
      at('m')?.read?.(status, { 'x-amzn-errortype': name }, Buffer.from('{"message":"x"}'));
    expect(read(403, 'AccessDeniedException:http://x/')).toBe('known');
    expect(read(403, 'UnrecognizedClientException')).toBeNull();
    expect(read(403, 'InvalidSignatureException')).toBeNull();
    expect(read(404, 'ResourceNotFoundException')).toBe('model');
    expect(read(400, 'ValidationException')).toBe('model');
    expect(at('m')?.read?.(200, {}, Buffer.from('{}'))).toBeNull();
    expect(at('m')?.read?.(0, {}, Buffer.alloc(0))).toBeNull();
  });
});
