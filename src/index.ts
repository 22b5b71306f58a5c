/**
 * The engine: loads a model into the visitor's GPU, answers, and says which models the browser keeps.
 *
 * @module
 */

export { BambaEngine, createEngine } from './api/engine.ts';
export type { Session, SessionPrompt, Sessions, SessionSource, SessionStart } from './api/sessions.ts';
export { availability, deleteStoredModel, deleteStoredStates, storedModels, storedStates } from './engine/client.ts';
export type {
  Availability,
  CacheMiss,
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
  MovedState,
  PromptLogprob,
  RopeScaling,
  SamplingSettings,
  Scheme,
  StateEngine,
  StoredModel,
  StoredState,
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
