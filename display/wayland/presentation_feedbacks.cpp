#include "display/wayland/presentation_feedbacks.h"

namespace viaduct::wayland {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

const wp_presentation_feedback_listener PresentationFeedbacks::kListener = {
    .sync_output = [](void*, struct wp_presentation_feedback*, wl_output*) {},
    .presented =
        [](void* data, struct wp_presentation_feedback* feedback, uint32_t seconds_high,
           uint32_t seconds_low, uint32_t nanoseconds, uint32_t refresh, uint32_t, uint32_t,
           uint32_t flags) {
            auto& all = self<PresentationFeedbacks>(data);
            const uint64_t seconds = uint64_t{seconds_high} << 32 | seconds_low;
            const uint64_t time = all.globals_.monotonic() ? seconds * kSecond + nanoseconds : 0;
            all.finish(feedback, ShownFrame{time, refresh, flags});
        },
    .discarded =
        [](void* data, struct wp_presentation_feedback* feedback) {
            static_cast<PresentationFeedbacks*>(data)->finish(feedback, {});
        },
};

void PresentationFeedbacks::ask(wl_surface* surface, uint64_t frame) {
    if (asked_.size() >= kMost) return;
    PresentationFeedback feedback(wp_presentation_feedback(globals_.presentation.get(), surface));
    wp_presentation_feedback_add_listener(feedback.get(), &kListener, this);
    const auto* key = feedback.get();
    asked_.emplace(key, std::pair(frame, std::move(feedback)));
}

// Its object goes with the event, which destroys it on the compositor's side.
void PresentationFeedbacks::finish(struct wp_presentation_feedback* feedback,
                                   const std::optional<ShownFrame>& when) {
    const auto answered = asked_.extract(feedback);
    if (answered) answer_(answered.mapped().first, when);
}

}  // namespace viaduct::wayland
