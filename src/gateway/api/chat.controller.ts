import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { CurrentPrincipal, RequirePermission, type Principal } from '../../platform/security/index.js';
import { CollectedRendering, EmbeddingRendering, StreamRendering } from '../pipeline/rendering.js';
import { CallAnswerer } from './call-answerer.js';
import { CallReader } from './call-reader.js';

@ApiTags('OpenAI')
@ApiBearerAuth()
@Controller('v1')
export class ChatController {
  constructor(
    private readonly reader: CallReader,
    private readonly answerer: CallAnswerer,
  ) {}

  @Post('chat/completions')
  @HttpCode(200)
  @RequirePermission('chat:write')
  @ApiOperation({ summary: 'Chat completion in the OpenAI format, streamed or collected' })
  async chat(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const call = this.reader.chat(request, principal);
    const rendering = call.request.stream === true ? new StreamRendering(call.request) : new CollectedRendering();
    await this.answerer.answer(call, { request, reply }, rendering);
  }

  @Post('embeddings')
  @HttpCode(200)
  @RequirePermission('chat:write')
  @ApiOperation({ summary: 'Embeddings in the OpenAI format, as numbers or base64' })
  async embeddings(
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.answerer.answer(
      this.reader.embeddings(request, principal),
      { request, reply },
      new EmbeddingRendering(),
    );
  }
}
