"""The yardstick: the least that a FastAPI and pydantic service can do with the same request."""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Prompt(BaseModel):
    prompt: str
    model: str = "haiku"
    max_tokens: int = 1024
    temperature: float = 0.7


class Answer(BaseModel):
    text: str
    model: str


@app.post("/api/v1/generate")
async def generate(body: Prompt) -> Answer:
    return Answer(text=body.prompt, model=body.model)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}
