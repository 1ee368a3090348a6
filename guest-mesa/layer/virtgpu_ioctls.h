// The requests of wire/virtgpu.h that the layer makes.
#pragma once

#include <cstdint>

#include "wire/virtgpu.h"

namespace viaduct::guest {

namespace virtgpu = viaduct::wire::virtgpu;

inline constexpr unsigned long kVirtgpuMap = virtgpu::request<virtgpu::Map>(virtgpu::Ioctl::kMap);
inline constexpr unsigned long kVirtgpuExecbuffer =
    virtgpu::request<virtgpu::Execbuffer>(virtgpu::Ioctl::kExecbuffer);
inline constexpr unsigned long kVirtgpuGetParam =
    virtgpu::request<virtgpu::GetParam>(virtgpu::Ioctl::kGetParam);
inline constexpr unsigned long kVirtgpuResourceInfo =
    virtgpu::request<virtgpu::ResourceInfo>(virtgpu::Ioctl::kResourceInfo);
inline constexpr unsigned long kVirtgpuWait =
    virtgpu::request<virtgpu::Wait>(virtgpu::Ioctl::kWait);
inline constexpr unsigned long kVirtgpuGetCaps =
    virtgpu::request<virtgpu::GetCaps>(virtgpu::Ioctl::kGetCaps);
inline constexpr unsigned long kVirtgpuCreateBlob =
    virtgpu::request<virtgpu::ResourceCreateBlob>(virtgpu::Ioctl::kResourceCreateBlob);
inline constexpr unsigned long kVirtgpuContextInit =
    virtgpu::request<virtgpu::ContextInit>(virtgpu::Ioctl::kContextInit);

/// True for the node's own requests, number and size. No driver that we play has one of the same
/// code, so a program that speaks to the node itself can go on doing so.
constexpr bool is_virtgpu_request(unsigned long request) {
    using Ioctl = virtgpu::Ioctl;
    return request == kVirtgpuMap || request == kVirtgpuExecbuffer || request == kVirtgpuGetParam ||
           request == virtgpu::request<virtgpu::ResourceCreate>(Ioctl::kResourceCreate) ||
           request == kVirtgpuResourceInfo ||
           request == virtgpu::request<virtgpu::Transfer>(Ioctl::kTransferFromHost) ||
           request == virtgpu::request<virtgpu::Transfer>(Ioctl::kTransferToHost) ||
           request == kVirtgpuWait || request == kVirtgpuGetCaps || request == kVirtgpuCreateBlob ||
           request == kVirtgpuContextInit;
}

/// A pointer as the kernel's interfaces carry it.
inline uint64_t user_pointer(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

}  // namespace viaduct::guest
