#include "sinks/webhook/request.h"

#include <charconv>

namespace headgate::webhook {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

void AppendHeader(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

// What all requests of the sink have in common; with `hide`, what may be secret is hidden.
std::string Head(const Options& options, bool hide) {
  std::string head = "POST " + (hide ? options.shown_target : options.url.target) + " HTTP/1.1\r\n";
  AppendHeader(head, "Host", options.url.HostHeader());
  AppendHeader(head, "User-Agent", "Headgate/" HEADGATE_VERSION);
  AppendHeader(head, "Content-Type", ContentTypeOf(options.envelope));
  if (options.gzip) AppendHeader(head, "Content-Encoding", "gzip");
  if (options.oauth2 && hide) AppendHeader(head, "Authorization", "[hidden]");
  for (const Header& header : options.headers)
    AppendHeader(head, header.name, hide && header.secret ? "[hidden]" : header.value);
  return head;
}

}  // namespace

Result<RequestWriter> RequestWriter::Create(const Options& options) {
  RequestWriter writer(options);
  for (const SigningSecret& secret : options.signing_secrets) {
    HG_ASSIGN_OR_RETURN(auto signer, net::Signer::FromStandardSecret(secret.text));
    writer.secrets_.push_back({std::move(signer), secret.expires_us});
  }
  if (options.hmac) {
    HG_ASSIGN_OR_RETURN(auto signer, net::Signer::FromKey(options.hmac->secret));
    writer.hmac_ = std::move(signer);
  }
  if (options.gzip) writer.gzip_ = std::make_unique<net::Gzip>();
  writer.head_ = Head(options, false);
  return writer;
}

Status RequestWriter::Write(std::string& out, std::string_view id, std::string_view headers, std::string_view body,
                            std::int64_t now_us) {
  constexpr std::size_t kChanging = 512;  // ids, signatures, length
  if (gzip_) body = gzip_->Compress(body);
  const std::int64_t second = now_us / kSecondUs;
  if (second != second_) {
    second_ = second;
    second_text_ = std::to_string(second);
  }
  out.clear();
  out.reserve(head_.size() + headers.size() + body.size() + kChanging);
  out.append(head_)
      .append(headers)
      .append("webhook-id: ")
      .append(id)
      .append("\r\nwebhook-timestamp: ")
      .append(second_text_)
      .append("\r\n");
  if (!secrets_.empty()) HG_RETURN_IF_ERROR(AppendSignatures(out, id, second, body, now_us));
  if (hmac_) {
    out.append(options_->hmac->header).append(": ").append(options_->hmac->prefix);
    hmac_->AppendHex(out, body);
    out.append("\r\n");
  }
  if (options_->idempotency_key_header) AppendHeader(out, "Idempotency-Key", id);
  char length[24];
  const char* end = std::to_chars(length, length + sizeof length, body.size()).ptr;
  out.append("Content-Length: ").append(length, static_cast<std::size_t>(end - length)).append("\r\n\r\n").append(body);
  return Ok();
}

Status RequestWriter::AppendSignatures(std::string& out, std::string_view id, std::int64_t second,
                                       std::string_view body, std::int64_t now_us) {
  std::string_view before = "webhook-signature: ";
  for (Secret& secret : secrets_) {
    if (secret.expires_us && *secret.expires_us <= now_us) continue;
    out.append(before);
    secret.signer.AppendStandard(out, id, second, body);
    before = " ";
  }
  if (before != " ") {
    return ConfigError(
        "Every signing secret of the sink has expired, and it never sends unsigned. Add a secret to "
        "signing_secrets, then restart.");
  }
  out.append("\r\n");
  return Ok();
}

std::string RequestWriter::Shown(std::string_view id, std::string_view headers, std::int64_t now_us) const {
  std::string shown = Head(*options_, true).append(headers);
  AppendHeader(shown, "webhook-id", id);
  AppendHeader(shown, "webhook-timestamp", std::to_string(now_us / kSecondUs));
  if (!secrets_.empty()) AppendHeader(shown, "webhook-signature", "[hidden]");
  if (options_->hmac) AppendHeader(shown, options_->hmac->header, "[hidden]");
  if (options_->idempotency_key_header) AppendHeader(shown, "Idempotency-Key", id);
  return shown;
}

std::optional<std::int64_t> RequestWriter::last_expiry_us() const {
  std::optional<std::int64_t> last;
  for (const Secret& secret : secrets_) {
    if (!secret.expires_us) return std::nullopt;
    if (!last || *secret.expires_us > *last) last = secret.expires_us;
  }
  return last;
}

}  // namespace headgate::webhook
