export { createEngine, deleteStoredModel, storedModels } from './engine/client.ts';
export type {
  ChatMessage,
  Engine,
  EngineInfo,
  EngineOptions,
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  LoadProgress,
  LoadStage,
  SamplingSettings,
  StoredModel,
  Usage,
} from './engine/protocol.ts';
export { BambaError, type ErrorCode } from './errors.ts';
