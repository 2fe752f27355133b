#include <nlohmann/json.hpp>

#include "core/pipeline/intake.h"
#include "web/api.h"
#include "web/idempotency.h"
#include "web/page.h"

// /api/v1: events into streams. A request is handed to the source of its stream, which answers once it is durable.
namespace headgate::web {
namespace {

// A larger body, or one that has to be unpacked, is read beside the small ones, which would wait for it on the source's
// thread.
constexpr std::size_t kSmallBytes = 64 * 1024;
constexpr const char* kRetrySoon = "1";   // seconds: a queue that is full
constexpr const char* kRetryLater = "5";  // seconds: what a person has to see to
constexpr std::string_view kLines = "application/x-ndjson";

Response Unavailable(const Request& request, std::string_view text, const char* after) {
  return Fail(request, 503, text).With("Retry-After", after);
}

Response Accepted(const IntakeAnswer& answer) {
  Json body;
  body["seq"] = BigJson(answer.seq);
  body["events"] = answer.events;
  Response response = Response::Json(200, Dump(body));
  response.headers.emplace_back("Headgate-Seq", std::to_string(answer.seq));
  if (answer.kind == IntakeAnswer::Kind::kRepeated) response.headers.emplace_back("Idempotent-Replay", "true");
  return response;
}

Response ToResponse(const Request& request, const IntakeAnswer& answer) {
  using Kind = IntakeAnswer::Kind;
  switch (answer.kind) {
    case Kind::kAppended:
    case Kind::kRepeated:
      return Accepted(answer);
    case Kind::kKeyReused:
      return Fail(request, 422, "This Idempotency-Key was used for another request. Take a new one.",
                  "idempotency-key-reused");
    case Kind::kMalformed:
      return Fail(request, 400, answer.text);
    case Kind::kTooLarge:
      return Fail(request, 413, answer.text);
    case Kind::kUnavailable:
      return Unavailable(request, answer.text, kRetryLater);
    case Kind::kRefused:
      break;
  }
  std::vector<FieldError> errors;
  for (const EventFault& fault : answer.faults) errors.push_back({fault.pointer, fault.detail});
  return Fail(request, 422, answer.text, "bad-events", errors);
}

// Hands the request in; `done` has its answer, later unless it is not taken.
void HandIn(const std::shared_ptr<Intake>& intake, std::unique_ptr<IntakeRequest> events, const Request& outline,
            const std::function<void(Response)>& done) {
  events->done = [outline, done](IntakeAnswer answer) { done(ToResponse(outline, answer)); };
  switch (intake->Offer(std::move(events))) {
    case Intake::Offered::kTaken:
      return;
    case Intake::Offered::kFull:
      return done(Unavailable(outline, "Too many requests with events are waiting. Try again.", kRetrySoon));
    case Intake::Offered::kClosed:
      return done(Unavailable(outline, "The source of the stream takes no events at the moment.", kRetrySoon));
  }
}

Response PostEvents(Api& api, const Request& request) {
  const std::string encoding = Lower(Trim(request.Header("content-encoding")));
  const bool gzip = encoding == "gzip" || encoding == "x-gzip";
  if (!gzip && !encoding.empty() && encoding != "identity")
    return Fail(request, 415, "A body may have Content-Encoding gzip, or none.").With("Accept-Encoding", "gzip");
  const std::string_view key = request.Header("idempotency-key");
  if (key.size() > kIdempotencyKeyBytesMax)
    return Fail(request, 400, "An Idempotency-Key may not be longer than 255 bytes.");
  auto found = api.control.IntakeOf(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&found)) {
    if (refusal->status == 503) return Unavailable(request, refusal->text, kRetryLater);
    return FromRefusal(request, *refusal);
  }

  // The work is a std::function, which wants to be copied.
  auto events = std::make_shared<std::unique_ptr<IntakeRequest>>(std::make_unique<IntakeRequest>());
  IntakeRequest& made = **events;
  made.body.reserve(request.body.size() + IntakeRequest::kBodyPadding);
  made.body = request.body;
  made.gzip = gzip;
  made.lines = MediaType(request.Header("content-type")) == kLines;
  made.bytes_max = api.options.limits.body_bytes_max;
  made.key = key;
  const bool small = !gzip && request.body.size() <= kSmallBytes;
  Later later;
  later.lane = small ? Lane::kHere : Lane::kEvents;
  later.stage = "storing the events";
  later.start = [intake = std::get<std::shared_ptr<Intake>>(std::move(found)), events, small,
                 outline = Outline(request)](const std::function<void(Response)>& done) {
    if (!small) intake->PrepareNow(**events);
    HandIn(intake, std::move(*events), outline, done);
  };
  return Response::Run(std::move(later));
}

}  // namespace

void AddIngestRoutes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/streams/{s}/events",
                    Role::kOperate,
                    "Append events to a stream, all of them or none",
                    PostEvents,
                    {.query = "Idempotency-Key: string, Content-Encoding: string",
                     .body = "Row|[Row]",
                     .answers = "200 {seq: big, events: int}",
                     .errors = "409 422"},
                    Produces::kJson,
                    kLines});
}

}  // namespace headgate::web
