// As much of HTTP/1.0 (RFC 1945) as a server of one text needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace viaduct::http {

/// Bytes of a request's head; a scraper's has a few hundred.
inline constexpr size_t kMaxHead = 4096;

enum class Request {
    kUnfinished,   // the blank line that ends the head is still to come
    kGet,          // of any path
    kOtherMethod,  // 405
    kNonsense,     // 400
    kTooLong,      // 431 (RFC 6585): no end within kMaxHead
};

/// Judges what a client has sent so far.
Request judge(std::string_view bytes);

/// A whole response in Prometheus' text format 0.0.4; `status` is "200 OK".
std::string response(std::string_view status, std::string_view body);

/// The response to a request that is finished, and not a GET.
std::string refusal(Request request);

}  // namespace viaduct::http
