/** The XCom `prediction` in each state, for the tests of this folder. */

export const FINISHED = "2026-01-01T00:01:35+00:00";
export const PREDICTION = {
  id: "4f0a9c1e7b3d4c5f8e6a2b1d0c9f8e7d",
  mode: "text-to-video",
  model: "doubao-seedance-2-0-fast-260128",
  status: "succeeded",
  seen_at: "2026-01-01T00:01:35+00:00",
  width: 1280,
  height: 720,
  resolution: "720p",
  parameters: { prompt: "A boat", aspect_ratio: "16:9", duration: 5, seed: null },
  outputs: ["https://cdn.example/1.mp4"],
  error: null,
  submitted_at: "2026-01-01T00:00:00+00:00",
  created_at: "2026-01-01T00:00:01+00:00",
  finished_at: FINISHED,
  inference_seconds: 68.4,
  has_nsfw_contents: [],
  estimated_cost_usd: 0.499,
  submissions: 1,
  total_cost_usd: 0.499,
};
export const WAITING = { ...PREDICTION, status: "queued", outputs: [], finished_at: null, inference_seconds: 0 };
export const FAILED = { ...WAITING, status: "failed", error: "The generation failed" };
export const REFUSED = { ...FAILED, id: null, submitted_at: null, created_at: null, finished_at: FINISHED };
