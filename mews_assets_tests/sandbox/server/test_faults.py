"""Faults on demand: planned over HTTP, met in the order of the plan."""

import time

import httpx
import pytest


def plan(client, **fault):
    answer = client.http.post(client.sandbox.address + "/control/faults", json=fault)
    assert answer.status_code == 200, answer.text


def ask(client):
    return client.post("orderItems/getAll", Limitation={"Count": 10})


def test_planned_statuses_come_in_order_and_then_stop(client):
    plan(client, Operation="orderItems/getAll", Status=429, Times=2, RetryAfter=7)
    plan(client, Operation="orderItems/getAll", Status=408)
    answers = [ask(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 408, 200]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["7", "7", None, None]


def test_a_fault_meets_only_its_own_operation(client):
    plan(client, Operation="exports/add", Status=500)
    assert ask(client).status_code == 200
    assert client.post("exports/add", EntityType="Bill").status_code == 500
    assert client.post("exports/add", EntityType="Bill").status_code == 200


def test_a_fault_can_meet_any_operation(client):
    plan(client, Operation="*", Status=503)
    assert ask(client).status_code == 503


def test_a_reset_connection_breaks_off_before_the_answer(client):
    plan(client, Operation="exports/add", Kind="reset")
    with pytest.raises(httpx.TransportError):
        client.post("exports/add", EntityType="Company")
    assert client.post("exports/add", EntityType="Company").status_code == 200


def test_a_lost_answer_leaves_the_export_behind(client):
    client.sandbox.set_clock(client.sandbox.now, running=False)
    plan(client, Operation="exports/add", Kind="lost")
    with pytest.raises(httpx.TransportError):
        client.post("exports/add", EntityType="Company")
    entry = client.sandbox.requests()["Requests"][-1]
    assert (entry["Operation"], entry["Status"], entry["Fault"]) == ("exports/add", 200, "lost")


def test_a_truncated_answer_ends_half_way(client):
    plan(client, Operation="orderItems/getAll", Kind="truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert ask(client).status_code == 200


def test_a_truncated_download_can_be_resumed(client):
    file = client.export(client.order("OrderItem"))["Files"][0]
    plan(client, Operation="download", Kind="truncate")
    got = b""
    with pytest.raises(httpx.RemoteProtocolError), client.http.stream("GET", file["Url"]) as answer:
        for chunk in answer.iter_raw():
            got += chunk
    assert len(got) == file["SizeInBytes"] // 2
    rest = client.http.get(file["Url"], headers={"Range": f"bytes={len(got)}-"})
    assert rest.status_code == 206
    assert got + rest.content == client.http.get(file["Url"]).content


def test_a_download_can_fail_with_a_status(client):
    file = client.export(client.order("OrderItem"))["Files"][0]
    plan(client, Operation="download", Status=500)
    assert [client.http.get(file["Url"]).status_code for _ in range(2)] == [500, 200]


def test_a_slow_answer_stalls_half_way_and_then_is_whole(client):
    plan(client, Operation="orderItems/getAll", Kind="slow", Seconds=0.3)
    start = time.monotonic()
    assert len(ask(client).json()["OrderItems"]) == 3
    assert time.monotonic() - start >= 0.3
    plan(client, Operation="orderItems/getAll", Kind="slow", Seconds=0.5)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{client.sandbox.address}/api/connector/v1/orderItems/getAll",
            json={**client.tokens(), "Limitation": {"Count": 10}},
            timeout=0.1,
        )


def test_an_unknown_kind_of_fault_is_refused_with_the_known_ones(client):
    answer = client.http.post(client.sandbox.address + "/control/faults", json={"Kind": "earthquake"})
    assert answer.status_code == 400
    assert "truncate" in answer.json()["Details"]


def test_a_fault_for_an_operation_that_does_not_exist_is_refused(client):
    answer = client.http.post(client.sandbox.address + "/control/faults", json={"Operation": "exports/ad"})
    assert answer.status_code == 400
    assert "exports/add" in answer.json()["Details"]
