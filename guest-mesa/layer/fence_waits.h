// Waits for fences of this file's own submissions, as the node would end them, only sooner: the
// host shows what has ended (wire::FinishedWork), while the node hears of a fence through the
// monitor and an interrupt.
#pragma once

#include <cstdint>
#include <span>

#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// syncobj::wait(), once the context has begun.
int wait_for_points(const Channel& channel, Session& session, std::span<const uint32_t> handles,
                    std::span<const uint64_t> points, int64_t deadline, uint32_t flags = 0,
                    uint32_t* first = nullptr);

/// An ioctl of a program that asks for fences: SYNCOBJ_WAIT, SYNCOBJ_TIMELINE_WAIT, or
/// SYNCOBJ_QUERY unless it is for what was submitted.
bool asks_for_fences(unsigned long request, const void* argument);
/// Such an ioctl: what the node would answer.
int ask_for_fences(const Channel& channel, Session& session, unsigned long request, void* argument);
/// syncobj::query(), of what a wait would say.
int query_point(const Channel& channel, Session& session, uint32_t handle, uint64_t& point);

}  // namespace viaduct::guest
