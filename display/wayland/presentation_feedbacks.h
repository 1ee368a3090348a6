// PresentationFeedbacks: when committed frames reached the screen.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// When a frame reached the screen (presentation-time).
struct ShownFrame {
    uint64_t time_ns = 0;     // of CLOCK_MONOTONIC; 0: the compositor uses another clock
    uint64_t refresh_ns = 0;  // until the next refresh; 0: not known
    uint32_t flags = 0;       // wp_presentation_feedback.kind, for example zero_copy
};

/// One feedback object per committed frame, until the compositor has answered.
class PresentationFeedbacks {
  public:
    /// Nothing: the frame was never on the screen.
    using Answer = std::function<void(uint64_t frame, const std::optional<ShownFrame>& when)>;

    /// `globals` are borrowed, and have `presentation`.
    PresentationFeedbacks(const Globals& globals, Answer answer)
        : globals_(globals), answer_(std::move(answer)) {}
    PresentationFeedbacks(const PresentationFeedbacks&) = delete;
    PresentationFeedbacks& operator=(const PresentationFeedbacks&) = delete;

    /// Before the commit of `frame`. Beyond kMost the compositor is asked no more: it has stopped
    /// answering.
    void ask(wl_surface* surface, uint64_t frame);

  private:
    static constexpr size_t kMost = 64;
    static const wp_presentation_feedback_listener kListener;
    void finish(struct wp_presentation_feedback* feedback, const std::optional<ShownFrame>& when);

    const Globals& globals_;
    Answer answer_;
    std::map<const struct wp_presentation_feedback*, std::pair<uint64_t, PresentationFeedback>>
        asked_;
};

}  // namespace viaduct::wayland
