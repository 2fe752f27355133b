#include "web/session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace headgate::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Error = boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kReadBytes = 64 * 1024;  // read at once
constexpr std::size_t kLingerBytes = 4 << 20;  // read and dropped after an answer that ends the connection
constexpr milliseconds kLinger{2'000};
constexpr milliseconds kFinalLinger{200};         // while the server stops
constexpr std::size_t kStreamChunk = 256 * 1024;  // asked of a feed at once
constexpr milliseconds kStreamTick{500};          // feeds tell what changes without an event, at least this often
constexpr milliseconds kStreamComment{15'000};    // AP19

std::string AddressText(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

class SessionImpl final : public Session, public std::enable_shared_from_this<SessionImpl> {
 public:
  SessionImpl(tcp::socket socket, Host& host)
      : socket_(std::move(socket)),
        host_(host),
        timer_(socket_.get_executor()),
        buffer_(host.limits().header_bytes_max + 128 * 1024) {
    Error ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    peer_ = AddressText(socket_.remote_endpoint(ignored).address());
    local_ = AddressText(socket_.local_endpoint(ignored).address());
  }
  ~SessionImpl() override { EndStream(); }

  void ReadNext();
  void RefuseAll();
  void Wake() override;
  bool streaming() const override { return feed_ != nullptr; }
  void Finish() override;
  void Abort() override;

 private:
  enum class Phase { kIdle, kReading, kWorking, kWriting, kStreaming, kLingering, kClosed };

  void ReadSome();
  void OnRead(const Error& error, std::size_t bytes);
  bool Parse();
  void OnBadRequest(const Error& error);
  void Continue();
  void OnRequest();
  void FillRequest();
  void Deliver(Response response);
  void StartStream(Response response);
  void Write(std::string bytes, std::function<void()> then);
  void WriteSome();
  void AfterAnswer();
  void Linger();
  void LingerRead();
  void Pump();
  void WatchStream();
  void EndStream();
  void Close();
  void Refusal(int status, std::string_view text);

  void SetDeadline(SteadyClock::time_point deadline);
  void OnDeadline();
  SteadyClock::time_point RateDeadline(std::size_t bytes) const;

  tcp::socket socket_;
  Host& host_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string peer_;
  std::string local_;
  Phase phase_ = Phase::kIdle;
  bool finishing_ = false;
  bool close_after_ = false;
  bool continued_ = false;           // 100 Continue was sent, or is not wanted
  std::size_t received_ = 0;         // bytes of this request, and of what was sent behind it
  SteadyClock::time_point started_;  // of this request, or of this write
  SteadyClock::time_point arrived_;  // of the request's first byte
  Request request_;
  std::uint64_t turn_ = 0;  // tells a late answer of a lane from the one awaited
  std::string stage_;
  std::string out_;
  std::size_t sent_ = 0;
  std::function<void()> then_;
  std::unique_ptr<Feed> feed_;
  bool stream_taken_ = false;
  bool writing_ = false;  // streams: a write is on its way
  bool woken_ = false;    // streams: something happened during it
  SteadyClock::time_point last_stream_write_;
  std::array<char, 4096> scratch_;
  std::size_t drained_ = 0;
};

SteadyClock::time_point SessionImpl::RateDeadline(std::size_t bytes) const {
  const auto earned = milliseconds(bytes * 1000 / std::max<std::size_t>(host_.limits().rate_bytes_per_second, 1));
  return started_ + host_.limits().rate_grace + earned;
}

void SessionImpl::SetDeadline(SteadyClock::time_point deadline) {
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this()](const Error& error) {
    if (!error && self->timer_.expiry() <= SteadyClock::now()) self->OnDeadline();
  });
}

void SessionImpl::OnDeadline() {
  switch (phase_) {
    case Phase::kReading: {
      Error ignored;
      socket_.cancel(ignored);
      Refusal(408, "The request came too slowly.");
      return;
    }
    case Phase::kWorking: {
      ++turn_;  // the late answer is nobody's
      close_after_ = true;
      Deliver(Fail(request_, 500, "Request timed out. The request was waiting for: " + stage_ + "."));
      return;
    }
    case Phase::kStreaming:
      if (writing_) return Close();
      return Pump();
    default:
      Close();
  }
}

void SessionImpl::ReadNext() {
  if (finishing_) return Close();
  phase_ = Phase::kIdle;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(host_.limits().header_bytes_max));
  parser_->body_limit(host_.limits().body_bytes_max);
  parser_->eager(true);
  request_ = Request();
  received_ = buffer_.size();
  continued_ = false;
  close_after_ = false;
  if (buffer_.size() == 0 && buffer_.capacity() > 64 * 1024) buffer_.shrink_to_fit();
  if (buffer_.size() > 0) {
    phase_ = Phase::kReading;
    started_ = arrived_ = SteadyClock::now();
  }
  SetDeadline(SteadyClock::now() + host_.limits().idle_timeout);
  ReadSome();
}

void SessionImpl::ReadSome() {
  if (buffer_.size() > 0 && !Parse()) return;
  const std::size_t room = std::min<std::size_t>(kReadBytes, buffer_.max_size() - buffer_.size());
  if (room == 0) return OnBadRequest(http::error::header_limit);
  socket_.async_read_some(buffer_.prepare(room), [self = shared_from_this()](const Error& error, std::size_t bytes) {
    self->OnRead(error, bytes);
  });
}

void SessionImpl::OnRead(const Error& error, std::size_t bytes) {
  if (phase_ != Phase::kIdle && phase_ != Phase::kReading) return;  // cut meanwhile
  if (error) return Close();
  buffer_.commit(bytes);
  received_ += bytes;
  if (phase_ == Phase::kIdle) {
    phase_ = Phase::kReading;
    started_ = arrived_ = SteadyClock::now();
  }
  SetDeadline(std::min(RateDeadline(received_), arrived_ + host_.limits().request_timeout));
  ReadSome();
}

// Feeds what has come to the parser. True if more is needed.
bool SessionImpl::Parse() {
  while (buffer_.size() > 0 && !parser_->is_done()) {
    Error error;
    const std::size_t taken = parser_->put(buffer_.data(), error);
    buffer_.consume(taken);
    if (error && error != http::error::need_more) return OnBadRequest(error), false;
    if (error == http::error::need_more && taken == 0) break;
  }
  if (parser_->is_done()) return OnRequest(), false;
  if (!parser_->is_header_done() || continued_) return true;
  continued_ = true;
  if (!beast::iequals(parser_->get()[http::field::expect], "100-continue") || buffer_.size() > 0) return true;
  return Continue(), false;
}

void SessionImpl::Continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue), [self = shared_from_this()](const Error& error, std::size_t) {
    if (self->phase_ != Phase::kReading) return;
    if (error) return self->Close();
    self->ReadSome();
  });
}

void SessionImpl::OnBadRequest(const Error& error) {
  const std::string bytes_max = std::to_string(host_.limits().body_bytes_max);
  if (error == http::error::body_limit) return Refusal(413, "The body is larger than " + bytes_max + " bytes.");
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Refusal(431, "The headers are larger than " + std::to_string(host_.limits().header_bytes_max) + " bytes.");
  }
  if (error == http::error::bad_version) return Refusal(400, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  Refusal(400, "This is not HTTP: " + error.message() + ".");
}

// For what can't be routed; the rest of the request is not wanted.
void SessionImpl::Refusal(int status, std::string_view text) {
  FillRequest();
  close_after_ = true;
  phase_ = Phase::kWorking;
  Deliver(Fail(request_, status, text));
}

void SessionImpl::FillRequest() {
  request_.peer = peer_;
  request_.local = local_;
  request_.id = host_.NewRequestId();
  request_.json_depth_max = host_.limits().json_depth_max;
  if (!parser_) return;
  auto& message = parser_->get();
  if (message.target().empty())
    return;  // of one that is refused in its headers what has come of them tells its dialect
  request_.method = std::string(message.method_string());
  request_.http_1_0 = message.version() == 10;
  request_.target = std::string(message.target());
  request_.path = request_.target.substr(0, request_.target.find('?'));
  for (const auto& field : message) {
    request_.headers.emplace_back(Lower({field.name_string().data(), field.name_string().size()}),
                                  std::string(field.value().data(), field.value().size()));
  }
  const std::string_view id = request_.Header("request-id");
  if (IsRequestId(id)) request_.id = id;
}

void SessionImpl::OnRequest() {
  FillRequest();
  close_after_ = !parser_->keep_alive();
  request_.body = std::move(parser_->get().body());
  phase_ = Phase::kWorking;
  SetDeadline(arrived_ + host_.limits().request_timeout);
  Response response = host_.Answer(request_);
  if (response.later == nullptr) return Deliver(std::move(response));
  stage_ = response.later->stage;
  const std::uint64_t turn = ++turn_;
  std::weak_ptr<SessionImpl> weak = weak_from_this();
  const bool taken = host_.Run(std::move(*response.later), [weak, turn](Response late) {
    const auto self = weak.lock();
    if (self && self->turn_ == turn && self->phase_ == Phase::kWorking) self->Deliver(std::move(late));
  });
  if (taken) return;  // the deadline's wait keeps this session
  Deliver(
      Fail(request_, 503, "Too many requests are waiting for: " + stage_ + ". Try again.").With("Retry-After", "2"));
}

void SessionImpl::Deliver(Response response) {
  host_.Answered(request_, response);
  if (response.close || finishing_) close_after_ = true;
  phase_ = Phase::kWriting;
  const bool head_only = request_.method == "HEAD";
  if (response.feed != nullptr && !head_only) return StartStream(std::move(response));
  const std::size_t length = response.feed != nullptr ? std::string::npos : response.body.size();  // HEAD of a stream
  std::string bytes = RenderHead(response, request_.id, length, !close_after_);
  if (!head_only) bytes += response.body;
  Write(std::move(bytes), [this] { AfterAnswer(); });
}

void SessionImpl::Write(std::string bytes, std::function<void()> then) {
  out_ = std::move(bytes);
  sent_ = 0;
  then_ = std::move(then);
  started_ = SteadyClock::now();
  WriteSome();
}

// In pieces, so that a reader who takes nothing is told from a slow one.
void SessionImpl::WriteSome() {
  // A stream has no end that a rate could be measured to: its reader has to take something within each grace (AP21).
  if (phase_ == Phase::kStreaming) {
    SetDeadline(SteadyClock::now() + host_.limits().rate_grace);
  } else if (phase_ != Phase::kLingering) {
    SetDeadline(RateDeadline(sent_));
  }
  socket_.async_write_some(asio::buffer(out_.data() + sent_, out_.size() - sent_),
                           [self = shared_from_this()](const Error& error, std::size_t bytes) {
                             if (self->phase_ == Phase::kClosed) return;
                             if (error) return self->Close();
                             self->sent_ += bytes;
                             if (self->sent_ < self->out_.size()) return self->WriteSome();
                             const auto then = std::exchange(self->then_, nullptr);
                             then();
                           });
}

void SessionImpl::AfterAnswer() {
  out_ = std::string();
  if (close_after_) return Linger();
  ReadNext();
}

// What the client still sends is read and dropped for a while: closing at once would reset the connection and take the
// answer away from it.
void SessionImpl::Linger() {
  phase_ = Phase::kLingering;
  Error ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  SetDeadline(SteadyClock::now() + (finishing_ ? kFinalLinger : kLinger));
  LingerRead();
}

void SessionImpl::LingerRead() {
  socket_.async_read_some(asio::buffer(scratch_), [self = shared_from_this()](const Error& error, std::size_t bytes) {
    self->drained_ += bytes;
    if (error || self->drained_ > kLingerBytes) return self->Close();
    if (self->phase_ == Phase::kLingering) self->LingerRead();
  });
}

void SessionImpl::StartStream(Response response) {
  if (!host_.TakeStream()) {
    const std::string most = std::to_string(host_.limits().streams_max);
    return Deliver(Fail(request_, 503, "All " + most + " event streams are in use. Close one, or try later.")
                       .With("Retry-After", "10"));
  }
  stream_taken_ = true;
  feed_ = std::move(response.feed);
  phase_ = Phase::kStreaming;
  writing_ = true;
  last_stream_write_ = SteadyClock::now();
  Write(RenderHead(response, request_.id, std::string::npos, false) + "retry: 2000\n\n", [this] {
    writing_ = false;
    WatchStream();
    Pump();
  });
}

// Notices when the client goes away; what it sends is not a request any more.
void SessionImpl::WatchStream() {
  socket_.async_read_some(asio::buffer(scratch_), [self = shared_from_this()](const Error& error, std::size_t bytes) {
    if (self->phase_ != Phase::kStreaming) return;
    self->drained_ += bytes;
    if (error || self->drained_ > 64 * 1024) return self->Close();
    self->WatchStream();
  });
}

void SessionImpl::Pump() {
  if (phase_ != Phase::kStreaming) return;
  if (writing_) {
    woken_ = true;
    return;
  }
  woken_ = false;
  std::string bytes;
  Feed::Next next = feed_->Pull(bytes, kStreamChunk);
  const auto now = SteadyClock::now();
  if (finishing_ || next == Feed::Next::kEnd) {
    next = Feed::Next::kEnd;
    bytes += "event: end\ndata: {}\n\n";
  } else if (bytes.empty() && next == Feed::Next::kWait) {
    if (now - last_stream_write_ < kStreamComment) return SetDeadline(now + kStreamTick);
    bytes = ": nothing new\n\n";
  }
  // In turns with the other connections, however much there is to send.
  const auto again = [this] { asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Pump(); }); };
  if (bytes.empty()) return again();
  writing_ = true;
  Write(std::move(bytes), [this, next, again] {
    writing_ = false;
    last_stream_write_ = SteadyClock::now();
    if (next == Feed::Next::kEnd) return EndStream(), Linger();
    if (next == Feed::Next::kMore || woken_ || finishing_) return again();
    SetDeadline(last_stream_write_ + kStreamTick);
  });
}

void SessionImpl::EndStream() {
  feed_.reset();
  if (std::exchange(stream_taken_, false)) host_.GiveStreamBack();
}

void SessionImpl::Wake() {
  if (phase_ == Phase::kStreaming) Pump();
}

void SessionImpl::Finish() {
  finishing_ = true;
  close_after_ = true;
  if (phase_ == Phase::kIdle || phase_ == Phase::kLingering) return Close();
  Wake();
}

void SessionImpl::Abort() { Close(); }

void SessionImpl::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  ++turn_;
  then_ = nullptr;
  EndStream();
  Error ignored;
  timer_.cancel();
  socket_.close(ignored);
  host_.Ended(this);
}

void SessionImpl::RefuseAll() {
  Refusal(503, "There are " + std::to_string(host_.limits().connections_max) + " connections, as many as are allowed.");
}

}  // namespace

std::shared_ptr<Session> Session::Start(tcp::socket socket, Host& host) {
  auto session = std::make_shared<SessionImpl>(std::move(socket), host);
  session->ReadNext();
  return session;
}

std::shared_ptr<Session> Session::Refuse(tcp::socket socket, Host& host) {
  auto session = std::make_shared<SessionImpl>(std::move(socket), host);
  session->RefuseAll();
  return session;
}

}  // namespace headgate::web
