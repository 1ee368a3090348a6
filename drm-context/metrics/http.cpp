#include "drm-context/metrics/http.h"

#include <fmt/format.h>

#include <algorithm>

namespace viaduct::http {

namespace {

// Some people type requests by hand: a bare newline ends a line, too.
bool has_end(std::string_view head) {
    return head.find("\r\n\r\n") != std::string_view::npos ||
           head.find("\n\n") != std::string_view::npos;
}

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

bool starts_with_method(std::string_view head) {
    const std::string_view word = head.substr(0, head.find(' '));
    return !word.empty() && word.size() < head.size() && std::ranges::all_of(word, is_upper);
}

}  // namespace

Request judge(std::string_view bytes) {
    const std::string_view head = bytes.substr(0, kMaxHead);
    if (!has_end(head)) return bytes.size() < kMaxHead ? Request::kUnfinished : Request::kTooLong;
    if (head.starts_with("GET ")) return Request::kGet;
    return starts_with_method(head) ? Request::kOtherMethod : Request::kNonsense;
}

std::string response(std::string_view status, std::string_view body) {
    return fmt::format(
        "HTTP/1.0 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        status, body.size(), body);
}

std::string refusal(Request request) {
    if (request == Request::kOtherMethod)
        return response("405 Method Not Allowed", "only GET is served here\n");
    if (request == Request::kTooLong)
        return response("431 Request Header Fields Too Large",
                        fmt::format("a request may have at most {} bytes\n", kMaxHead));
    return response("400 Bad Request", "this is not an HTTP request\n");
}

}  // namespace viaduct::http
