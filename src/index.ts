/**
 * The engine: loads a model into the visitor's GPU, answers, and says which models the browser keeps.
 *
 * @module
 */

export { BambaEngine, createEngine } from './api/engine.ts';
export { availability, deleteStoredModel, storedModels } from './engine/client.ts';
export type {
  Availability,
  ChatMessage,
  ChosenLogprob,
  DetokenizeOptions,
  Engine,
  EngineInfo,
  EngineOptions,
  EngineStatus,
  FinishReason,
  GenerateOptions,
  GenerationEvent,
  GenerationRequest,
  LoadProgress,
  LoadStage,
  SamplingSettings,
  Scheme,
  StoredModel,
  TokenizeOptions,
  TokenizingEngine,
  TokenLogprob,
  Tool,
  ToolCall,
  TunableEngine,
  TuneEngineOptions,
  Tuning,
  TuningProgress,
  TuningReport,
  TuningResult,
  TuningTrial,
  Usage,
} from './engine/protocol.ts';
export { BambaError, type ErrorCode } from './errors.ts';
